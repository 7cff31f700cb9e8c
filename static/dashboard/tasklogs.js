/**
 * The log lines on a task's page, newest first, as `<li data-line="<number>">`: lines are numbered from
 * the oldest. New lines come on top. A page that stays open keeps a bounded number; an item with
 * `data-older` has the address of the lines from itself on, so the list can be cut there. Lines that are
 * missing between two others are an item of their own, which leads to them.
 */

import { make, put } from "./dom.js";
import { formatNumber } from "./formats.js";

const MAX_LINES = 1000;
const PAGE_LINES = 100;

/** New lines come on top; a reader who has scrolled down stays where they are. */
export function drawLogs(page, task) {
    put(page.querySelector("[data-log-count]"), task.logsTotal);
    const list = page.querySelector("[data-log-lines]");
    if (!task.logs.length) return;
    list.querySelector(".none")?.remove();
    // Old lines were removed, and the others have other numbers.
    if (task.logs[0].id < numberOf(list.firstElementChild)) restart(page, list);
    const known = numberOf(list.firstElementChild);
    const fresh = task.logs.filter((line) => line.id > known);
    if (!fresh.length) return;
    const before = list.scrollHeight;
    const gap = known ? makeGap(known + 1, fresh.at(-1).id - 1, task.olderLinesUrl) : [];
    list.prepend(...fresh.map((line) => makeLine(line, list.dataset.only)), ...gap);
    const added = list.scrollHeight - before;
    markOlder(list.children[task.logs.length], task.olderLinesUrl);
    if ("hasOlder" in list.dataset) cut(page, list, MAX_LINES);
    else cut(page, list, task.logs.length);
    if (list.scrollTop > 0) list.scrollTop += added;
}

/** Put lines that were asked for at the end of the list, and lead to those before them. */
export function addOlderLines(page, found) {
    const list = page.querySelector("[data-log-lines]");
    const url = page.querySelector(".panel-foot[data-older] a").getAttribute("href");
    const last = numberOf(list.lastElementChild);
    // While they were asked for, lines may have come, and others gone.
    const lines = found.lines.filter((line) => line.id < last);
    if (!found.lines.length) linkOlder(page, found.olderLinesUrl);
    if (!lines.length) return;
    list.dataset.hasOlder = "yes";
    const items = lines.map((line) => makeLine(line, list.dataset.only));
    list.append(...makeGap(lines[0].id + 1, last - 1, url), ...items);
    markOlder(list.querySelector(`[data-line="${last}"]`).nextElementSibling, url);
    linkOlder(page, found.olderLinesUrl);
    noteFull(page, list);
}

function restart(page, list) {
    list.replaceChildren();
    delete list.dataset.hasOlder;
    put(page.querySelector("[data-older-words]"), "");
}

/** Leave out the oldest lines beyond `most`, and lead to them. */
function cut(page, list, most) {
    if (list.children.length <= most) return;
    let first = list.children[most];
    while (first && !first.dataset.older) first = first.previousElementSibling;
    if (!first) return;
    const url = first.dataset.older;
    while (first.nextElementSibling) first.nextElementSibling.remove();
    first.remove();
    linkOlder(page, url);
    noteFull(page, list);
}

/** Once older lines would not stay in the list, the link leads to the page that has them. */
function noteFull(page, list) {
    if (!("hasOlder" in list.dataset) || list.children.length + PAGE_LINES <= MAX_LINES) return;
    const foot = page.querySelector(".panel-foot[data-older]");
    const left = numberOf(list.lastElementChild) - 1;
    const words = left ? `Lines 1 to ${formatNumber(left)} are not in this list, which keeps ${formatNumber(MAX_LINES)}.` : "";
    put(foot.querySelector("[data-older-words]"), words);
    if ("leads" in foot.dataset) return;
    foot.dataset.leads = "yes";
    foot.addEventListener("click", (event) => event.stopPropagation(), { capture: true });
}

function linkOlder(page, url) {
    const foot = page.querySelector(".panel-foot[data-older]");
    foot.hidden = !url;
    foot.querySelector("a").href = url;
}

function markOlder(item, url) {
    if (item && url) item.dataset.older = url;
}

function numberOf(item) {
    return Number(item?.dataset.line ?? 0);
}

/** The lines between two others that are not in the list: an item, or nothing if none are missing. */
function makeGap(first, last, url) {
    const missing = last - first + 1;
    if (missing < 1) return [];
    const words = `${formatNumber(missing)} ${missing === 1 ? "line is" : "lines are"} missing here: `;
    const link = make("a", "", first === last ? `line ${first}` : `lines ${first} to ${last}`);
    link.href = url;
    return [make("li", "log-gap", "", make("span", "faint", words), link)];
}

function makeLine(line, only) {
    const time = make("time", "faint", line.clock);
    time.dateTime = line.at;
    const text = make("span", "", "", make("bdi", "", line.message));
    if (line.more) text.append(" ", make("span", "faint", line.more));
    const item = make("li", "", "", time, make("span", "faint", `#${line.attempt}`),
        make("span", `level-${line.level}`, line.level), text);
    item.dataset.attempt = line.attempt;
    item.dataset.line = String(line.id);
    item.hidden = Boolean(only) && String(line.attempt) !== only;
    return item;
}
