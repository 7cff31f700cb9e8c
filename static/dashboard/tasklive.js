/**
 * Live rows of the list of tasks. The topic `tasks` of each of its workspaces says that something has
 * changed; then the page asks for its own rows. They are patched in place and never move; new ones are
 * counted above.
 */

import { Asking, PERIOD_MS } from "./asking.js";
import { make, markGone, put, spriteUrl } from "./dom.js";
import { EMPTY } from "./formats.js";
import { showNew } from "./newrows.js";

const FIGURES_MS = 10000;

export function startLiveRows(panel) {
    const followed = panel.dataset.liveTopics.split(" ").filter(Boolean);
    for (const time of panel.querySelectorAll("tbody time")) time.dataset.tick = "ago";
    const { asking } = new LiveRows(panel, followed);
    if (!followed.length) askRepeatedly(asking);
}

/** The rows of more workspaces than a page can follow: they are as old as the newest answer. */
function askRepeatedly(asking) {
    asking.addPart(null);
    asking.touch();
    setInterval(() => asking.touch(), PERIOD_MS);
}

class LiveRows {
    constructor(panel, followed) {
        this.panel = panel;
        this.anchor = panel.dataset.anchor;
        this.end = panel.dataset.end;
        this.isFirstPage = !new URLSearchParams(location.search).has("after")
            && !new URLSearchParams(location.search).has("before");
        this.figuresAt = performance.now();
        this.asking = new Asking(followed, () => this.prepare());
        panel.addEventListener("focusout", () => panel.querySelector("[data-left]") && this.asking.touch());
    }

    get rows() {
        return [...this.panel.querySelectorAll("tr[data-task-row]")];
    }

    /** What is asked: the rows, since what has ended may be retried or removed; new ones above them; at
     * times the figures. */
    prepare() {
        const shown = this.rows;
        const address = new URL(this.panel.dataset.listChanges, location.href);
        address.searchParams.set("ids", shown.map((row) => row.dataset.taskRow).join(","));
        if (this.isFirstPage && this.end !== undefined) address.searchParams.set("end", this.end);
        if (this.isFirstPage && this.anchor) address.searchParams.set("anchor", this.anchor);
        const isDue = performance.now() - this.figuresAt >= FIGURES_MS;
        if (isDue) address.searchParams.set("figures", "1");
        const show = (found) => {
            if (isDue) this.figuresAt = performance.now();
            else this.askForFigures();
            this.apply(shown, found);
        };
        return { address, show };
    }

    /** Once they are due: what has changed may be the last change for a while. */
    askForFigures() {
        clearTimeout(this.figuresTimer);
        const wait = this.figuresAt + FIGURES_MS - performance.now();
        this.figuresTimer = setTimeout(() => this.asking.touch(), wait);
    }

    apply(shown, found) {
        for (const row of shown) {
            const change = found.rows[row.dataset.taskRow];
            markGone(row, !change);
            if (change) patchRow(row, change);
        }
        if (found.isEndSlow) this.end = undefined;
        showNew(this.panel.querySelector("[data-new-rows]"), found.newer);
        for (const [state, text] of Object.entries(found.figures ?? {})) {
            const tab = this.panel.querySelector(`[data-state-tab="${CSS.escape(state)}"] b`);
            if (tab && tab.textContent.trim() !== text) tab.textContent = text;
        }
    }
}

/** Put what has changed into a row; elements that did not change stay, and keep the focus. */
function patchRow(row, change) {
    const cell = row.querySelector("[data-cell='state']");
    const word = cell.querySelector(".state-word");
    if (word.textContent !== change.word) {
        word.textContent = change.word;
        const picture = cell.querySelector("svg");
        picture.setAttribute("class", `shape ${change.tone}`);
        picture.querySelector("use").setAttribute("href", `${spriteUrl()}#${change.symbol}`);
        row.classList.remove("has-changed");
        requestAnimationFrame(() => row.classList.add("has-changed"));
    }
    // What happened stands below the name on a narrow screen.
    put(row.querySelector("[data-what] > bdi"), change.cells.what.text);
    for (const [name, value] of Object.entries(change.cells)) {
        const target = row.querySelector(`[data-cell="${name}"]`);
        if (target) patchCell(target, name, value);
    }
}

function patchCell(cell, name, value) {
    const shown = `${value.at ?? ""} ${value.text} ${value.url ?? ""}`;
    if (cell.dataset.shown === shown) return;
    const isFirst = cell.dataset.shown === undefined;
    // What has the focus is drawn when it has lost it.
    const isLeft = cell.contains(document.activeElement);
    cell.toggleAttribute("data-left", isLeft);
    if (isLeft) return;
    cell.dataset.shown = shown;
    // What the server drew stays unless it says something else now.
    if (isFirst && cell.textContent.trim().endsWith(value.text) && hasSameTime(cell, value)) return;
    if (name !== "what" && !value.at && !value.url) {
        if (cell.textContent.trim() !== value.text) cell.textContent = value.text;
        return;
    }
    const parts = [];
    if (value.at) parts.push(make("span", "faint", "", makeTime(value), value.text ? ": " : ""));
    if (value.text) parts.push(makeText(name, value));
    if (!parts.length) parts.push(name === "what" ? "" : EMPTY);
    cell.replaceChildren(...parts);
}

function hasSameTime(cell, value) {
    return (cell.querySelector("time")?.dateTime ?? "") === (value.at ?? "");
}

function makeText(name, value) {
    const inner = make("bdi", "", value.text);
    const className = name === "what" ? "cut what" : "";
    const element = value.url
        ? make("a", className, "", inner)
        : make("span", `faint ${className}`.trim(), "", inner);
    if (value.url) element.href = value.url;
    element.title = value.text;
    return element;
}

function makeTime(value) {
    const time = make("time", "", value.relative);
    time.dateTime = value.at;
    time.title = value.title;
    time.dataset.tick = "ago";
    return time;
}
