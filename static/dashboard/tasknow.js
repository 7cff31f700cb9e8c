/** The parts of a task's page that can change, drawn from what the server says of them. */

import { make, makeIcon, put, setIcon } from "./dom.js";
import { drawFamily } from "./family.js";
import { makePart, makeTicking } from "./moments.js";
import { drawLogs } from "./tasklogs.js";

export { addOlderLines } from "./tasklogs.js";

const SVG = "http://www.w3.org/2000/svg";

/** Draw everything; `page` is the element of the task. */
export function drawTask(page, task) {
    const isSameState = page.dataset.status === task.status;
    drawHead(page, task, isSameState);
    drawAttempts(page, task);
    drawLogs(page, task);
    drawFacts(page.querySelector("[data-facts]"), task.facts, isSameState);
    drawLinks(page.querySelector("[data-links]"), task.links);
    drawResult(page.querySelector("[data-result]"), task);
    for (const family of task.families) drawFamily(page, family);
}

/** What was left as it was because it had the focus. */
export function drawLeft(page, task) {
    drawFacts(page.querySelector("[data-facts]"), task.facts, false);
    drawLinks(page.querySelector("[data-links]"), task.links);
}

function drawHead(page, task, isSameState) {
    const heading = page.querySelector("h1");
    heading.querySelector("svg").setAttribute("class", `shape ${task.tone} large`);
    setIcon(heading, task.symbol);
    put(page.querySelector("[data-state-word]"), task.word);
    putParts(page.querySelector("[data-lead]"), task.sentence.lead);
    putParts(page.querySelector("[data-rest]"), task.sentence.rest);
    page.querySelector("[data-as-of]").replaceChildren(makePart(task.asOf), ", ", makeTicking(task.asOf));
    drawActions(page.querySelector("[data-actions]"), task.actions, isSameState);
}

/** What says the same stays, with what a reader has selected in it. */
function putParts(box, parts) {
    const made = box.cloneNode(false);
    made.append(...parts.map(makePart));
    if (!box.isEqualNode(made)) box.replaceChildren(...made.childNodes);
}

/** Actions that are still valid stay, with the focus; new ones lead to the page that asks. In another
    state all are new: the questions that the page was drawn with are about the earlier one. */
function drawActions(box, actions, isSameState) {
    const before = [...box.children];
    const known = new Map(before.map((link) => [link.getAttribute("href"), link]));
    const links = actions.map((action) => (isSameState && known.get(action.url)) || makeAction(action));
    if (links.length === before.length && links.every((link) => box.contains(link))) return;
    const focused = before.find((link) => link === document.activeElement);
    box.replaceChildren(...links);
    if (!focused) return;
    const href = focused.getAttribute("href");
    const successor = links.find((link) => link.getAttribute("href") === href);
    (successor ?? links[0] ?? document.querySelector("main")).focus();
}

function makeAction(action) {
    const link = make("a", "button", "", makeIcon(action.icon), make("span", "", action.title));
    link.classList.toggle("primary", action.isPrimary);
    link.classList.toggle("harm", action.isHarmful);
    link.href = action.url;
    return link;
}

function drawAttempts(page, task) {
    put(page.querySelector("[data-attempts-summary]"), task.summary);
    drawTimeline(page.querySelector("[data-timeline]"), task.timeline);
    const list = page.querySelector("[data-attempts]");
    if (!task.attempts.length) return;
    list.querySelector(".none")?.remove();
    const known = new Map([...list.children].map((item) => [item.dataset.number, item]));
    task.attempts.forEach((attempt, index) => {
        const item = known.get(String(attempt.number));
        const text = JSON.stringify([attempt.title, attempt.message, attempt.note, attempt.node]);
        if (item?.dataset.shown === text) return;
        // What the server drew stays while it says the same.
        if (item && !item.dataset.shown && item.querySelector("b").textContent.startsWith(attempt.title)) {
            item.dataset.shown = text;
            return;
        }
        const made = makeAttempt(attempt);
        made.dataset.shown = text;
        if (item) item.replaceWith(made);
        else list.insertBefore(made, list.children[index] ?? null);
    });
}

function makeAttempt(attempt) {
    const title = make("b", "", attempt.title);
    if (!attempt.finishedAt) title.append(", ", makeTicking(attempt.startedAt));
    const body = make("div", "", "", title);
    const text = [attempt.message, attempt.note].filter(Boolean).join("\n");
    if (text) body.append(make("p", "soft words", "", make("bdi", "", text)));
    body.append(makeMeta(attempt));
    if (attempt.traceback) {
        const trace = make("pre", "", attempt.traceback);
        trace.tabIndex = 0;
        body.append(make("details", "fold", "", make("summary", "", "Traceback"), trace));
    }
    const logs = make("a", "nowrap small", "Logs");
    logs.href = "#logs";
    logs.dataset.logsOf = String(attempt.number);
    logs.append(make("span", "visually-hidden", ` of attempt ${attempt.number}`));
    const item = make("li", "", "", makeIcon(attempt.symbol, `shape ${attempt.tone}`), body, logs);
    item.id = `attempt-${attempt.number}`;
    item.dataset.number = attempt.number;
    return item;
}

function makeMeta(attempt) {
    const line = make("p", "faint small");
    if (attempt.node) {
        const node = make(attempt.nodeUrl ? "a" : "span", "", attempt.node);
        if (attempt.nodeUrl) node.href = attempt.nodeUrl;
        line.append(node, " · ");
    }
    line.append(makePart(attempt.startedAt));
    if (attempt.finishedAt) line.append(" to ", makePart(attempt.finishedAt));
    line.append(` · waited ${attempt.waited}`);
    return line;
}

function drawTimeline(box, timeline) {
    if (!timeline) return;
    const picture = draw("svg", { height: 64, role: "img", "aria-label": timeline.label });
    for (const part of timeline.segments) {
        const isRun = part.kind === "run";
        picture.append(draw("rect", {
            class: isRun ? `segment-run ${part.tone}` : `segment-${part.kind}`,
            x: `${part.x}%`, y: isRun ? 22 : 22.5,
            width: `${part.width}%`, height: isRun ? 20 : 19, rx: 3,
        }));
        if (!part.label) continue;
        picture.append(draw("text", {
            class: isRun ? "strong" : "wide-only",
            x: `${part.middle}%`, y: isRun ? 14 : 36, "text-anchor": "middle",
        }, part.label));
    }
    for (const tick of timeline.ticks) {
        const x = `${tick.x}%`;
        picture.append(draw("line", { class: "tick", x1: x, x2: x, y1: 42, y2: 48 }));
        picture.append(draw("text", {
            class: tick.anchor === "middle" ? "wide-only" : "",
            x, y: 60, "text-anchor": tick.anchor,
        }, tick.text));
    }
    box.replaceChildren(picture);
}

function draw(name, attributes, text = "") {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return element;
}

/** What the server drew stays while the task is in the same state. */
function drawFacts(list, facts, isSameState) {
    const text = JSON.stringify(facts.map((fact) => [fact.name, fact.text, fact.at?.at, fact.note]));
    const isFirst = list.dataset.shown === undefined;
    if (list.dataset.shown === text || list.contains(document.activeElement)) return;
    list.dataset.shown = text;
    if (isFirst && isSameState) return;
    list.replaceChildren(...facts.flatMap((fact) => [
        make("dt", "", fact.name),
        make("dd", "", "", ...makeFact(fact)),
    ]));
}

function makeFact(fact) {
    const note = fact.note ? [" ", make("span", "faint", fact.note)] : [];
    if (fact.tags.length) return fact.tags.flatMap((tag) => [makeLink(tag, "tag"), " "]);
    if (fact.at) return [makeTicking(fact.at), " ", make("span", "faint", "", makePart(fact.at)), ...note];
    if (fact.url) return [makeLink(fact), ...note];
    return [make(fact.isCode ? "span" : "bdi", fact.isCode ? "code" : "", fact.text), ...note];
}

/** Where the task leads to: a dead letter, for example, appears when it fails. */
function drawLinks(list, links) {
    const text = JSON.stringify(links);
    const before = list.dataset.shown;
    if (before === text || list.contains(document.activeElement)) return;
    list.dataset.shown = text;
    const drawn = [...list.querySelectorAll("a")].map((link) => link.getAttribute("href"));
    // What the server drew stays while it leads to the same.
    if (before === undefined && links.map((link) => link.url).join() === drawn.join()) return;
    list.replaceChildren(...links.map((link) => {
        const lines = make("span", "two-lines", "",
            make("span", "", "", make("bdi", "", link.title)), make("span", "", link.note));
        const anchor = make("a", "", "", makeIcon(link.icon), lines, makeIcon("i-right"));
        anchor.href = link.url;
        return make("li", "", "", anchor);
    }));
}

function drawResult(panel, task) {
    const text = task.result;
    const known = panel.querySelector("pre");
    if (text === null) {
        if (!known) return put(panel.querySelector(".panel-body > p"), task.resultWords);
        for (const part of panel.querySelectorAll(".panel-note, .panel-foot, button, pre")) part.remove();
        return panel.append(make("div", "panel-body", "", make("p", "faint", task.resultWords)));
    }
    if (known) return put(known, text);
    const box = make("pre", "", text);
    box.tabIndex = 0;
    box.id = "result-text";
    box.setAttribute("aria-label", "Result");
    panel.querySelector(".panel-body")?.remove();
    return panel.append(box);
}

function makeLink(value, className = "") {
    const link = make("a", className, "", make("bdi", "", value.text));
    link.href = value.url;
    return link;
}
