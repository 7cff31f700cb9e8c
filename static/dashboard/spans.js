/**
 * A part of the time is selected in a chart, and the page then shows that part: `from` and `to` in its
 * address. By dragging; or by the cursor of a chart that has the focus, which the arrow keys move along
 * the steps, and which selects from where it stands while Shift is held.
 */

import { announce, make, put } from "./dom.js";
import { declareKeys } from "./keys.js";

const SVG = "http://www.w3.org/2000/svg";
const CHARTS = ".span-choice";
const SHORTEST_MS = 5 * 60_000;
const DRAGGED = 0.01; // of the width: less is a click

/** The times of two shares of the width, from 0 to 1, in either order; null: they are too close. What is
 * shorter than five minutes becomes as long, inside the chart as far as possible. */
export function selectedSpan(first, second, { from, to, least = DRAGGED }) {
    const [begin, end] = [first, second].sort((a, b) => a - b).map((share) => Math.min(1, Math.max(0, share)));
    if (end - begin < least) return null;
    const shortest = Math.min(SHORTEST_MS, to - from);
    const start = Math.min(from + (to - from) * begin, to - shortest);
    return { from: start, to: Math.max(start + shortest, from + (to - from) * end) };
}

/** The address of the page for a span. */
export function addressOf(base, span) {
    const params = new URLSearchParams(base.replace(/^\?/, ""));
    params.set("from", new Date(Math.round(span.from)).toISOString());
    params.set("to", new Date(Math.round(span.to)).toISOString());
    return `?${params}`;
}

/** Where the cursor stands after a move by some steps: the number of an edge between steps, from 0 to
 * `last`. Where there was no cursor, a step to the right leads to the left edge, and one to the left to
 * the right edge. */
export function placeAfter(place, move, last) {
    const from = place ?? (move > 0 ? -1 : last + 1);
    return Math.min(last, Math.max(0, from + move));
}

function writeTime(at) {
    return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

class SpanChoice {
    /** `step`: a step of the chart as a share of its width. */
    constructor(element, { from, to, step }, onChoose) {
        this.element = element;
        this.plot = element.querySelector(".chart-plot");
        this.edges = { from, to };
        this.step = step;
        this.last = Math.ceil(1 / step - 1e-6);
        this.onChoose = onChoose;
        this.first = this.second = this.place = null;
        this.isDragging = false;
        this.mark = document.createElementNS(SVG, "rect");
        this.mark.setAttribute("class", "chart-selection");
        this.mark.setAttribute("height", "100%");
        this.cursor = document.createElementNS(SVG, "line");
        this.cursor.setAttribute("class", "chart-cursor");
        this.cursor.setAttribute("y2", "100%");
        this.words = make("p", "chart-cursor-words");
        this.words.setAttribute("aria-hidden", "true"); // they are announced
        this.plot.addEventListener("pointerdown", (event) => this.begin(event));
        this.plot.addEventListener("pointermove", (event) => this.isDragging && this.move(this.shareOf(event)));
        this.plot.addEventListener("pointerup", () => this.end());
        this.plot.addEventListener("pointercancel", () => this.clear());
        element.addEventListener("blur", () => this.clear());
    }

    begin(event) {
        if (event.button !== 0) return;
        event.preventDefault();
        this.clear();
        this.plot.setPointerCapture(event.pointerId);
        this.isDragging = true;
        this.first = this.second = this.shareOf(event);
    }

    move(share) {
        this.second = Math.min(1, Math.max(0, share));
        this.draw();
    }

    end() {
        if (!this.isDragging) return;
        this.isDragging = false;
        this.choose(DRAGGED);
    }

    /** Move the cursor by some steps; what was selected is dropped. */
    go(steps) {
        this.first = this.second = null;
        this.mark.remove();
        this.place = placeAfter(this.place, steps, this.last);
        this.say(this.describePlace());
    }

    /** Move the cursor, and select from where it was. */
    extend(steps) {
        this.place ??= placeAfter(null, steps > 0 ? 1 : -1, this.last);
        this.first ??= this.shareAt(this.place);
        this.place = placeAfter(this.place, steps, this.last);
        this.move(this.shareAt(this.place));
        const span = this.selected();
        const words = span ? `Selected ${writeTime(span.from)} to ${writeTime(span.to)}` : "Nothing selected";
        this.say(`${words}. Cursor: ${this.describePlace()}`);
    }

    shareAt(place) {
        return Math.min(1, place * this.step);
    }

    selected(least = this.step / 2) {
        return this.first === null ? null : selectedSpan(this.first, this.second, { ...this.edges, least });
    }

    /** False if nothing is selected. */
    choose(least) {
        if (this.first === null) return false;
        const span = this.selected(least);
        this.clear();
        if (span) this.onChoose(span);
        return true;
    }

    clear() {
        this.first = this.second = this.place = null;
        this.isDragging = false;
        for (const drawn of [this.mark, this.cursor, this.words]) drawn.remove();
    }

    draw() {
        const [begin, end] = [this.first, this.second].sort((a, b) => a - b);
        this.mark.setAttribute("x", `${begin * 100}%`);
        this.mark.setAttribute("width", `${(end - begin) * 100}%`);
        if (!this.mark.isConnected) this.plot.append(this.mark);
    }

    /** The figures of the step that begins at the cursor, from the table of the chart. */
    describePlace() {
        const { from, to } = this.edges;
        const time = writeTime(from + (to - from) * this.shareAt(this.place));
        const table = this.element.parentElement.querySelector(".chart-table table");
        const cells = [...(table?.tBodies[0].rows[this.place]?.cells ?? [])];
        if (!cells.length) return `${time}, no figures yet`;
        const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
        const figures = cells.slice(1).map((cell, number) => `${names[number + 1]} ${cell.textContent}`);
        return `${time}, ${figures.join(", ")}`;
    }

    /** Draw the cursor with these words, and announce them. */
    say(words) {
        const x = `${this.shareAt(this.place) * 100}%`;
        this.cursor.setAttribute("x1", x);
        this.cursor.setAttribute("x2", x);
        if (!this.cursor.isConnected) this.plot.append(this.cursor);
        put(this.words, words);
        if (!this.words.isConnected) this.element.append(this.words);
        announce(words);
    }

    shareOf(event) {
        const box = this.plot.getBoundingClientRect();
        return (event.clientX - box.left) / box.width;
    }
}

/** The keys of a chart that has the focus; those with Shift come first, since the others fit as well. */
function listKeys(choiceOf) {
    const key = (press, text, run, hasShift = false) => (
        { press, text, hasShift, within: CHARTS, run: (event) => run(choiceOf(event)) }
    );
    return [
        key("ArrowLeft", "Select from the cursor of the chart to the left", (choice) => choice.extend(-1), true),
        key("ArrowRight", "Select from the cursor of the chart to the right", (choice) => choice.extend(1), true),
        key("Home", "Select up to the beginning of the chart", (choice) => choice.extend(-Infinity), true),
        key("End", "Select up to the end of the chart", (choice) => choice.extend(Infinity), true),
        key("ArrowLeft", "Move the cursor of the chart that has the focus to the left", (choice) => choice.go(-1)),
        key("ArrowRight", "Move the cursor of the chart that has the focus to the right", (choice) => choice.go(1)),
        key("Home", "Move it to the beginning of the chart", (choice) => choice.go(-Infinity)),
        key("End", "Move it to the end of the chart", (choice) => choice.go(Infinity)),
        key("Enter", "Show the selected part", (choice) => choice.choose()),
        key("Escape", "Forget the selected part and the cursor", (choice) => choice.clear()),
    ];
}

function startSpanChoices(root = globalThis.document) {
    const charts = root?.getElementById("charts");
    if (!charts) return;
    const from = Date.parse(charts.dataset.from);
    const to = Date.parse(charts.dataset.to);
    const step = (Number(charts.dataset.step) * 1000) / (to - from);
    const choices = new Map();
    for (const element of charts.querySelectorAll(CHARTS)) {
        const open = (span) => globalThis.location.assign(addressOf(charts.dataset.base, span));
        choices.set(element, new SpanChoice(element, { from, to, step }, open));
    }
    declareKeys(listKeys((event) => choices.get(event.target.closest(CHARTS))));
}

startSpanChoices();
