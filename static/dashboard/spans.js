/**
 * A part of the time is selected in a chart by dragging, or by Shift and the arrow keys; the page
 * then shows that part: `from` and `to` in its address.
 */

import { announce } from "./dom.js";
import { declareKeys } from "./keys.js";

const SVG = "http://www.w3.org/2000/svg";
const CHARTS = ".span-choice";
const SHORTEST_MS = 5 * 60_000;

/** The times of two shares of the width, from 0 to 1, in either order; null: they are too close. */
export function selectedSpan(first, second, { from, to, least = 0.01 }) {
    const [begin, end] = [first, second].sort((a, b) => a - b).map((share) => Math.min(1, Math.max(0, share)));
    if (end - begin < least) return null;
    const start = from + (to - from) * begin;
    return { from: start, to: Math.max(start + Math.min(SHORTEST_MS, to - from), from + (to - from) * end) };
}

/** The address of the page for a span. */
export function addressOf(base, span) {
    const params = new URLSearchParams(base.replace(/^\?/, ""));
    params.set("from", new Date(Math.round(span.from)).toISOString());
    params.set("to", new Date(Math.round(span.to)).toISOString());
    return `?${params}`;
}

class SpanChoice {
    constructor(element, edges, onChoose) {
        this.plot = element.querySelector(".chart-plot");
        this.edges = edges;
        this.onChoose = onChoose;
        this.first = this.second = null;
        this.isDragging = false;
        this.mark = document.createElementNS(SVG, "rect");
        this.mark.setAttribute("class", "chart-selection");
        this.mark.setAttribute("height", "100%");
        this.plot.addEventListener("pointerdown", (event) => this.begin(event));
        this.plot.addEventListener("pointermove", (event) => this.isDragging && this.move(this.shareOf(event)));
        this.plot.addEventListener("pointerup", () => this.end());
        this.plot.addEventListener("pointercancel", () => this.clear());
        element.addEventListener("blur", () => this.clear());
    }

    begin(event) {
        if (event.button !== 0) return;
        event.preventDefault();
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
        this.choose();
    }

    /** One step further to the left (-1) or to the right (1); the selection begins in the middle. */
    extend(direction) {
        this.first ??= 0.5;
        this.second ??= this.first;
        this.move(this.second + direction * this.edges.step);
        this.announce();
    }

    /** False if nothing is selected. */
    choose() {
        if (this.first === null) return false;
        const span = selectedSpan(this.first, this.second, this.edges);
        this.clear();
        if (span) this.onChoose(span);
        return true;
    }

    clear() {
        this.first = this.second = null;
        this.isDragging = false;
        this.mark.remove();
    }

    draw() {
        const [begin, end] = [this.first, this.second].sort((a, b) => a - b);
        this.mark.setAttribute("x", `${begin * 100}%`);
        this.mark.setAttribute("width", `${(end - begin) * 100}%`);
        if (!this.mark.isConnected) this.plot.append(this.mark);
    }

    announce() {
        const span = selectedSpan(this.first, this.second, this.edges);
        if (!span) return;
        const words = [span.from, span.to].map((at) => new Date(at).toISOString().slice(0, 16).replace("T", " "));
        announce(`Selected ${words.join(" to ")} UTC`);
    }

    shareOf(event) {
        const box = this.plot.getBoundingClientRect();
        return (event.clientX - box.left) / box.width;
    }
}

function startSpanChoices(root = globalThis.document) {
    const charts = root?.getElementById("charts");
    if (!charts) return;
    const from = Date.parse(charts.dataset.from);
    const to = Date.parse(charts.dataset.to);
    const step = Math.max(0.01, (Number(charts.dataset.step) * 1000) / (to - from));
    const choices = new Map();
    for (const element of charts.querySelectorAll(CHARTS)) {
        const open = (span) => globalThis.location.assign(addressOf(charts.dataset.base, span));
        choices.set(element, new SpanChoice(element, { from, to, step }, open));
    }
    const choiceOf = (event) => choices.get(event.target.closest(CHARTS));
    const text = "Select a part of the chart that has the focus";
    declareKeys([
        { press: "ArrowLeft", hasShift: true, within: CHARTS, text, run: (event) => choiceOf(event).extend(-1) },
        { press: "ArrowRight", hasShift: true, within: CHARTS, text, run: (event) => choiceOf(event).extend(1) },
        { press: "Enter", within: CHARTS, text: "Show the selected part", run: (event) => choiceOf(event).choose() },
        { press: "Escape", within: CHARTS, text: "Forget the selected part", run: (event) => choiceOf(event).clear() },
    ]);
}

startSpanChoices();
