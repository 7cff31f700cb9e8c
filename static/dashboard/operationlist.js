/** The list of bulk operations: the states of its rows. Figures follow by bind.js, rows that come by
 * newrows.js. */

import { placeOf } from "./bind.js";
import { readPath } from "./changes.js";
import { makeIcon, put } from "./dom.js";
import { formatState } from "./formats.js";
import { subscribe } from "./live.js";

const SHAPES = {
    LISTING: ["running", "running"],
    RUNNING: ["running", "running"],
    PAUSED: ["paused", "pending"],
    COMPLETED: ["completed", "completed"],
    CANCELLED: ["cancelled", "cancelled"],
    STOPPED: ["muted", "scheduled"],
};
const OPEN = new Set(["LISTING", "RUNNING"]);

/** The state with the pause, as the server's `word_of`. */
function wordOf({ status, pausedAt }) {
    return pausedAt && OPEN.has(status) ? "PAUSED" : status;
}

function show(cell, operation) {
    const word = wordOf(operation);
    if (cell.dataset.state === word) return;
    cell.dataset.state = word;
    const [name, tone] = SHAPES[word];
    cell.querySelector("svg").replaceWith(makeIcon(`state-${name}`, `shape tone-${tone}`));
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
