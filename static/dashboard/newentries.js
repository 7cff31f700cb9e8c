/**
 * Entries of a filtered list that have come since the page was drawn. Topics say that there may be
 * some; the server counts those that match the list, and a reload shows them:
 *
 *     <a href="..." data-newer="<where they are counted>" data-topics="payments/audit" hidden></a>
 */

import { Asking } from "./asking.js";
import { showNew } from "./newrows.js";

function follow(link) {
    const show = ({ newer }) => showNew(link, newer);
    new Asking(link.dataset.topics.split(" "), () => ({ address: link.dataset.newer, show }));
}

for (const link of document.querySelectorAll("[data-newer]")) follow(link);
