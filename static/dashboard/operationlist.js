/** The list of bulk operations: the states of its rows. Figures follow by bind.js, rows that come by
 * newrows.js. */

import { placeOf } from "./bind.js";
import { readPath } from "./changes.js";
import { put } from "./dom.js";
import { formatState } from "./formats.js";
import { subscribe } from "./live.js";
import { makeShape } from "./shapes.js";

const OPEN = new Set(["LISTING", "RUNNING"]);

/** The state with the pause, as the server's `word_of`. */
function wordOf({ status, pausedAt }) {
    return pausedAt && OPEN.has(status) ? "PAUSED" : status;
}

function show(cell, operation) {
    const word = wordOf(operation);
    if (cell.dataset.state === word) return;
    cell.dataset.state = word;
    cell.querySelector("svg").replaceWith(makeShape(word));
    put(cell.querySelector(".state-word"), formatState(word));
}

for (const row of globalThis.document?.querySelectorAll(".operation-table [data-row]") ?? []) {
    const { topic, path } = placeOf(row);
    subscribe(topic, (snapshot) => {
        const operation = readPath(snapshot, path);
        if (!operation) return;
        show(row.querySelector("[data-state]"), operation);
        row.querySelector("[data-listing]")?.toggleAttribute("hidden", operation.status !== "LISTING");
    });
}
