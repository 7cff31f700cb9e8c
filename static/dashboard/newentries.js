/**
 * Entries of a filtered list that have come since the page was drawn. Topics say that there may be
 * some; the server counts those that match the list, and a reload shows them:
 *
 *     <a href="..." data-newer="<where they are counted>" data-topics="payments/audit" hidden></a>
 */

import { Asking } from "./asking.js";
import { announce, put } from "./dom.js";

const MAX_NEWER = 99;

function follow(link) {
    const show = ({ newer }) => {
        const wasHidden = link.hidden;
        link.hidden = newer === 0;
        if (newer) put(link, `${newer > MAX_NEWER ? `${MAX_NEWER}+` : newer} new, show`);
        if (wasHidden && newer) announce("There are new entries");
    };
    new Asking(link.dataset.topics.split(" "), () => ({ address: link.dataset.newer, show }));
}

for (const link of document.querySelectorAll("[data-newer]")) follow(link);
