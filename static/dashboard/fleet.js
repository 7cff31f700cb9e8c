/** The lists of queues and of workers: states and slots of what is there. Figures follow by bind.js,
 * rows that come by newrows.js. The page of a queue, of a worker or of scaling has other parts for
 * another state: it loads itself again. */

import { placeOf } from "./bind.js";
import { drawSlots } from "./charts.js";
import { readPath } from "./changes.js";
import { put } from "./dom.js";
import { formatState } from "./formats.js";
import { subscribe } from "./live.js";
import { reloadWhenFree } from "./reload.js";
import { makeShape } from "./shapes.js";

const LASTING_MS = 3000;
const SLOT = 6;
const SLOT_STEP = 8;
const SHAPES = { Paused: "PAUSED", "In order": "good" };

function follow(elements, show) {
    for (const element of elements) {
        const { topic, path } = placeOf(element);
        subscribe(topic, (snapshot) => {
            const row = readPath(snapshot, path);
            if (row) show(element, row);
        });
    }
}

/** The state of a queue in words, as `Line.word` of tasks_app/admin/queuelist.py. */
function describeQueue(row, objective) {
    if (row.paused) return "Paused";
    if (row.oldestWaitingMs !== null && row.isServed === false) return "No worker serves it";
    return row.oldestWaitingMs > objective ? "Waits too long" : "In order";
}

function showQueue(element, row, objective) {
    const isLate = !row.paused && row.oldestWaitingMs > objective;
    element.querySelector("[data-live='#oldestWaitingMs']").classList.toggle("is-late", isLate);
    const words = describeQueue(row, objective);
    const word = element.querySelector("[data-word]");
    if (word.textContent === words) return;
    element.querySelector(".shape-place").replaceChildren(makeShape(SHAPES[words] ?? "bad"));
    put(word, words);
    // The second line is that of the state that was drawn.
    const line = element.querySelector("[data-line-of]");
    if (line) line.hidden = line.dataset.lineOf !== words;
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

/** A page whose sentences and buttons are about a state loads itself again in another one that lasts.
 * `read` says which state a snapshot is of, if any; `drawn` is that of the page, or else that of the
 * first snapshot. */
function reloadFor(topic, read, drawn) {
    let timer = null;
    subscribe(topic, (snapshot) => {
        const state = read(snapshot);
        if (state === undefined) return;
        drawn ??= state;
        if (state === drawn) {
            clearTimeout(timer);
            timer = null;
        } else {
            timer ??= setTimeout(reloadWhenFree, LASTING_MS);
        }
    });
}

function watchQueue(element) {
    const { topic, path } = placeOf(element);
    const objective = Number(element.dataset.objective ?? Infinity);
    // A topic that has too many queues leaves some out.
    const readRow = (found, state) => {
        const row = readPath(found, path);
        return row && state(row);
    };
    reloadFor(topic, (found) => readRow(found, (row) => row.paused ? "yes" : ""), element.dataset.paused);
    reloadFor(topic, (found) => readRow(found, (row) => describeQueue(row, objective)));
}

function watchScaling(element) {
    const readDecision = ({ status, events }) => `${events.order[0] ?? ""} ${status.target ?? "None"}`;
    reloadFor("scaling", readDecision, element.dataset.decision);
    reloadFor("scaling", ({ status }) => JSON.stringify([status.manual, status.problem, status.isRunning]));
}

const queue = globalThis.document?.getElementById("queue");
if (queue) watchQueue(queue);
const scaling = globalThis.document?.getElementById("scaling");
if (scaling) watchScaling(scaling);
const queues = globalThis.document?.querySelector("table.queues");
if (queues) {
    const objective = Number(queues.dataset.objective ?? Infinity);
    follow(queues.querySelectorAll("tr[data-row]"), (element, row) => showQueue(element, row, objective));
}
follow(globalThis.document?.querySelectorAll("table.nodes tr[data-row], #node[data-row]") ?? [], showNode);
