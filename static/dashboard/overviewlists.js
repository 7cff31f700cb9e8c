/** The lists of the start page: queues, failures, workers, scaling, schedules. A row is built as the
 * server draws it. */

import { drawSlots, drawSpark, makeSlots, makeSpark } from "./charts.js";
import { make, put, visible } from "./dom.js";
import { formatRelative } from "./formats.js";
import { makeLabel } from "./labels.js";
import { liveTopics } from "./live.js";
import { syncList } from "./rowlist.js";
import { makeShape } from "./shapes.js";

// What was drawn last: changes.js makes another object when something changes.
const lines = new WeakMap();

for (const time of document.querySelectorAll("[data-list]:not([data-list='scaling']) time")) time.dataset.tick = "ago";

/** All lists, from the topic of the start page. */
export function showLists(data) {
    show("queues", data.queues, buildQueue, patchQueue);
    show("failures", data.failures, buildFailure, patchFailure);
    show("workers", data.workers, buildNode, patchNode);
    show("scaling", data.scaling, buildEvent, patchEvent);
    show("schedules", data.schedules, buildSchedule, patchSchedule);
}

function show(name, data, build, patch = () => {}) {
    const list = document.querySelector(`[data-list="${name}"]`);
    if (!list || !data) return;
    const isEmpty = data.order.length === 0;
    (list.closest(".table-box") ?? list).hidden = isEmpty;
    document.querySelector(`[data-empty="${name}"]`).hidden = !isEmpty;
    syncList(list, data, (key, row) => build(list.dataset.base, key, row), patch);
}

/** A link to the page of the row. */
function linkTo(base, key, className, text) {
    const link = make("a", className, text);
    link.href = `${base}${encodeURIComponent(key)}/change/`;
    return link;
}

function cell(tag, className, name, ...children) {
    const made = make(tag, className, "", ...children);
    if (tag === "th") made.scope = "row";
    if (name) made.dataset.cell = name;
    return made;
}

function find(row, name) {
    return row.querySelector(`[data-cell="${name}"]`);
}

function makeTime(moment, exact) {
    const time = make("time", "", formatRelative(Date.parse(moment), liveTopics().serverTime()));
    time.dateTime = moment;
    time.title = exact;
    time.dataset.tick = "ago";
    return time;
}

function putLabel(element, label) {
    if (!element || !label || lines.get(element) === label) return;
    lines.set(element, label);
    element.replaceChildren(...makeLabel(label));
}

// ---- queues ----

function buildQueue(base, key, row) {
    const link = linkTo(base, key, "row-name", "");
    const name = make("span", "state", "", make("span", "shape-place"), link, make("span", "row-note"));
    const made = make("tr", "", "",
        cell("th", "", "", name),
        cell("td", "number", "oldest"),
        cell("td", "number", "waiting"),
        cell("td", "number optional", "", cell("span", "", "running"), " ", cell("span", "faint", "limit")),
        cell("td", "number optional", "rate"),
        cell("td", "number optional", "failed"),
        cell("td", "optional", "spark"));
    patchQueue(made, row);
    return made;
}

function patchQueue(made, row) {
    putLabel(made.querySelector("a.row-name"), row.label);
    for (const name of ["oldest", "waiting", "running", "limit", "rate", "failed"]) put(find(made, name), String(row[name]));
    find(made, "oldest").classList.toggle("strong", row.is_late);
    if (made.dataset.state !== row.state) {
        made.dataset.state = row.state;
        made.querySelector(".shape-place").replaceChildren(makeShape(row.state));
    }
    const note = made.querySelector(".row-note");
    note.className = `row-note ${row.is_note_shown ? "faint" : "visually-hidden"}`;
    put(note, row.note);
    drawLine(find(made, "spark"), `queue-${row.id}`, row.spark);
}

function drawLine(place, key, data) {
    if (lines.get(place) === data) return;
    lines.set(place, data);
    const known = place.querySelector("svg");
    if (known && data) drawSpark(known, data);
    else place.replaceChildren(...(data ? [makeSpark(key, data)] : []));
}

// ---- failures ----

function buildFailure(base, key, row) {
    const type = row.type ? cell("span", "faint", "type") : "";
    const error = make("p", "overview-error", row.error);
    error.title = visible(row.error);
    const text = make("div", "", "", linkTo(base, key, "row-name", row.name), " ", type, error);
    const made = make("li", "", "", makeShape("FAILED"), text, make("span", "overview-when", "", makeTime(row.at, row.exact)));
    patchFailure(made, row);
    return made;
}

function patchFailure(made, row) {
    putLabel(find(made, "type"), row.type);
}

// ---- workers ----

function buildNode(base, key, row) {
    const name = make("span", "state", "", make("span", "shape-place"), linkTo(base, key, "row-name", row.name));
    const made = make("tr", "", "", cell("th", "", "", name), cell("td", "", "busy"), cell("td", "number", "cpu"), cell("td", "number", "memory"));
    patchNode(made, row);
    return made;
}

function patchNode(made, row) {
    put(find(made, "cpu"), row.cpu);
    put(find(made, "memory"), row.memory);
    made.classList.toggle("is-old", Boolean(row.lost_at));
    if (made.dataset.state !== row.state) {
        made.dataset.state = row.state;
        made.querySelector(".shape-place").replaceChildren(makeShape(row.state));
        find(made, "busy").replaceChildren(...(row.lost_at
            ? [make("span", "faint", "lost ", makeTime(row.lost_at, row.exact))]
            : [make("span", "state", "", ...makeBusy(row))]));
    }
    if (row.lost_at) return;
    const picture = made.querySelector(".slots");
    if (picture && row.slots) drawSlots(picture, row.slots);
    put(made.querySelector(".busy-count"), String(row.busy));
}

function makeBusy(row) {
    const count = make("span", "busy-count", String(row.busy));
    return row.slots ? [makeSlots(row.slots), count] : [count, " ", make("span", "faint", `of ${row.total}`)];
}

// ---- scaling ----

function buildEvent(base, key, row) {
    const time = make("time", "", row.clock);
    time.dateTime = row.at;
    time.title = row.exact;
    const link = linkTo(base, key, "overview-change", row.change);
    link.append(make("span", "visually-hidden", " workers"));
    return make("li", "", "", time, link, make("p", "", row.sentence));
}

function patchEvent(made, row) {
    put(made.querySelector("time"), row.clock);
    put(made.querySelector("p"), row.sentence);
}

// ---- schedules ----

function buildSchedule(base, key, row) {
    const name = make("span", "two-lines", "", linkTo(base, key, "row-name cut", row.name), make("span"));
    const fires = make("span", "two-lines", "", make("span"), make("span"));
    const made = make("tr", "", "", cell("th", "schedule-name", "", name), cell("td", "number schedule-fires", "", fires));
    patchSchedule(made, row);
    return made;
}

function patchSchedule(made, row) {
    put(made.querySelector("a"), row.name);
    put(made.querySelector("th .two-lines > :last-child"), row.words);
    const [relative, clock] = made.querySelectorAll(".schedule-fires .two-lines > *");
    if (relative.querySelector("time")?.dateTime !== row.next_at) relative.replaceChildren(makeTime(row.next_at, row.exact));
    put(clock, row.clock);
}
