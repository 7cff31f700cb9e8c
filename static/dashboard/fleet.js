/** The lists of queues and of workers, and the page of one worker: states and slots of what is there.
 * Figures follow by bind.js, rows that come by newrows.js. The page of a worker has other parts for
 * another state: it loads itself again. */

import { placeOf } from "./bind.js";
import { drawSlots } from "./charts.js";
import { readPath } from "./changes.js";
import { put } from "./dom.js";
import { formatState } from "./formats.js";
import { subscribe } from "./live.js";
import { reloadWhenFree } from "./reload.js";
import { makeShape } from "./shapes.js";

const SLOT = 6;
const SLOT_STEP = 8;
const WORDS = { PAUSED: "Paused", bad: "Waits too long", good: "In order" };

function follow(elements, show) {
    for (const element of elements) {
        const { topic, path } = placeOf(element);
        subscribe(topic, (snapshot) => {
            const row = readPath(snapshot, path);
            if (row) show(element, row);
        });
    }
}

/** The state of a queue by its wait. That no worker serves it is known when the page is drawn. */
function showQueue(element, row, objective) {
    const isLate = !row.paused && row.oldestWaitingMs > objective;
    element.querySelector("[data-live='#oldestWaitingMs']").classList.toggle("is-late", isLate);
    const state = row.paused ? "PAUSED" : isLate ? "bad" : "good";
    const word = element.querySelector("[data-word]");
    const isUnserved = state === "good" && row.depth > 0 && word.textContent === "No worker serves it";
    if (element.dataset.shown === state || isUnserved) return;
    element.dataset.shown = state;
    element.querySelector(".shape-place").replaceChildren(makeShape(state));
    put(word, WORDS[state]);
}

function showNode(element, row) {
    const cell = element.querySelector("[data-state]");
    if (cell.dataset.state !== row.status) {
        cell.dataset.state = row.status;
        const picture = cell.querySelector("svg");
        const made = makeShape(row.status === "LOST" ? "bad" : row.status);
        if (picture.classList.contains("large")) made.classList.add("large");
        picture.replaceWith(made);
        put(cell.querySelector(".state-word, [data-word]"), formatState(row.status));
        if (element.matches("tr")) element.classList.toggle("is-old", row.stoppedAt !== null);
        else reloadWhenFree();
    }
    const count = element.querySelector("[data-busy]");
    if (!count) return;
    const slots = Object.values(row.slots.rows);
    const busy = Math.min(row.concurrency, slots.filter((slot) => slot.running > 0).length);
    put(count, String(busy));
    const picture = element.querySelector(".slots");
    if (picture) drawSlots(picture, layOut(busy, row.concurrency));
}

/** As `draw_slots` of controlplane/core/admin/bars.py. */
function layOut(busy, total) {
    return {
        sentence: `${busy} of ${total} ${total === 1 ? "slot" : "slots"} busy`,
        width: Math.max(SLOT, total * SLOT_STEP - (SLOT_STEP - SLOT)),
        cells: Array.from({ length: total }, (_, number) => [number * SLOT_STEP, number < busy]),
    };
}

const queues = globalThis.document?.querySelector("table.queues");
if (queues) {
    const objective = Number(queues.dataset.objective ?? Infinity);
    follow(queues.querySelectorAll("tr[data-row]"), (element, row) => showQueue(element, row, objective));
}
follow(globalThis.document?.querySelectorAll("table.nodes tr[data-row], #node[data-row]") ?? [], showNode);
