/**
 * A part of the time is selected in a chart by dragging, or by Shift and the arrow keys; the page
 * then shows that part: `from` and `to` in its address.
 */

const SVG = "http://www.w3.org/2000/svg";
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
        element.addEventListener("keydown", (event) => this.press(event));
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

    press(event) {
        if (event.key === "Escape") this.clear();
        else if (event.key === "Enter" && this.first !== null) this.choose();
        else if (event.shiftKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
            event.preventDefault();
            this.first ??= 0.5;
            this.second ??= this.first;
            this.move(this.second + (event.key === "ArrowRight" ? 1 : -1) * this.edges.step);
            this.announce();
        }
    }

    choose() {
        const span = selectedSpan(this.first, this.second, this.edges);
        this.clear();
        if (span) this.onChoose(span);
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
        const announcer = document.getElementById("announcer");
        if (!span || !announcer) return;
        const words = [span.from, span.to].map((at) => new Date(at).toISOString().slice(0, 16).replace("T", " "));
        announcer.textContent = `Selected ${words.join(" to ")} UTC`;
    }

    shareOf(event) {
        const box = this.plot.getBoundingClientRect();
        return (event.clientX - box.left) / box.width;
    }
}

export function startSpanChoices(root = globalThis.document) {
    const charts = root?.getElementById("charts");
    if (!charts) return;
    const from = Date.parse(charts.dataset.from);
    const to = Date.parse(charts.dataset.to);
    const step = Math.max(0.01, (Number(charts.dataset.step) * 1000) / (to - from));
    for (const element of charts.querySelectorAll(".span-choice")) {
        new SpanChoice(element, { from, to, step }, (span) => {
            globalThis.location.assign(addressOf(charts.dataset.base, span));
        });
    }
}

startSpanChoices();
