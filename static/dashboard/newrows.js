/**
 * Rows that have come since the page was drawn. They are counted above the list, and shown by a reload,
 * so that nothing moves under the cursor:
 *
 *     <a href="…" id="new-queues" hidden></a>
 *     <section data-rows="payments/queues#order ops/queues#order" data-new="#new-queues">
 *
 * The element is there without rows, too. Rows of the list have data-row, as in bind.js. With
 * data-is-part the list does not show all there are: what the first message names is not new.
 */

import { placeOf, splitName } from "./bind.js";
import { readPath, splitPath } from "./changes.js";
import { announce, put } from "./dom.js";
import { subscribe } from "./live.js";

export function startNewRows(root = document) {
    for (const list of root.querySelectorAll("[data-rows]")) follow(list);
}

function follow(list) {
    const label = document.querySelector(list.dataset.new);
    if (!label) return;
    const counts = new Map();
    for (const { topic, path } of list.dataset.rows.split(" ").filter(Boolean).map(splitName)) {
        const known = new Set(idsOf(list, topic));
        let isFirst = "isPart" in list.dataset;
        subscribe(topic, (snapshot) => {
            const ids = (readPath(snapshot, path) ?? []).map(String);
            if (isFirst) for (const id of ids) known.add(id);
            isFirst = false;
            counts.set(topic, countFresh(ids, known));
            showNew(label, [...counts.values()].reduce((sum, count) => sum + count, 0));
        });
    }
}

function idsOf(list, topic) {
    const places = [...list.querySelectorAll("[data-row]")].map(placeOf);
    return places.filter((place) => place.topic === topic).map((place) => splitPath(place.path).pop());
}

/** How many of the ids are not known. */
export function countFresh(ids, known) {
    return ids.filter((id) => !known.has(id)).length;
}

/** Say on the label of a list, or in the element for it, how many rows are new: a number, or a text that is
 * empty for none. */
export function showNew(label, count) {
    const wasHidden = label.hidden;
    label.hidden = !count;
    if (!count) return;
    put(label.querySelector("[data-new-rows-text]") ?? label, `${count} new, show`);
    if (wasHidden) announce(`${count} new`);
}
