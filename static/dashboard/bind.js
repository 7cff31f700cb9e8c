/**
 * Elements that show a figure of a live topic, without code of their page:
 *
 *     <b data-live="queues#rows/emails/depth" data-format="number">12</b>
 *     <tr data-row="queues#rows/emails"> <td data-live="#depth">12</td> </tr>
 *
 * A path that begins with # is below the element's row. data-attribute="width" writes an attribute
 * instead of the text (a title, or one of LENGTHS as a percentage of 1). A row that leaves its topic
 * gets data-gone and stays where it is; one that was never in it does not, as some topics have the
 * newest rows only. newrows.js is for rows that come, counts.js for sums.
 *
 * What a module draws by a topic, with or without these attributes, stands in a part with data-follows:
 * shell.css makes all of it grey while the page is old. Figures of a topic that cannot be watched any
 * more turn grey by themselves.
 */

import { readPath } from "./changes.js";
import { markGone, put } from "./dom.js";
import { FORMATS, TICKING, formatNumber, formatTime } from "./formats.js";
import { isKeptUp } from "./freshness.js";
import { liveTopics, subscribe } from "./live.js";

const LENGTHS = new Set(["width", "height", "x", "y"]);
const TICK_MS = 1000;
const seen = new WeakSet();

/** Follow the elements below `root`, also those that come later, until the page is left. */
export function bindAll(root = document) {
    const byTopic = new Map();
    for (const element of root.querySelectorAll("[data-live], [data-row]")) {
        const place = placeOf(element);
        if (!place) continue;
        if (!byTopic.has(place.topic)) byTopic.set(place.topic, []);
        byTopic.get(place.topic).push({ element, path: place.path });
    }
    for (const [topic, bindings] of byTopic) {
        subscribe(topic, (snapshot) => {
            for (const { element, path } of bindings) update(element, readPath(snapshot, path));
        });
    }
    liveTopics()?.onRefusal(({ topic }) => {
        for (const { element } of byTopic.get(topic) ?? []) {
            element.classList.add("is-stale");
            element.closest("[data-follows]:not(.overview)")?.classList.add("is-stale");
        }
    });
}

/** Times that follow the clock: <time datetime="…" data-tick="ago|elapsed">. */
export function startTicking() {
    const topics = liveTopics();
    if (topics) setInterval(() => tick(topics), TICK_MS);
}

/** Those of old data stand, as the data does. */
export function tick(topics, root = document) {
    if (topics.isHidden || !isKeptUp(topics.freshness())) return;
    const at = topics.serverTime();
    if (Number.isNaN(at)) return; // until then the server's own words stand
    for (const element of root.querySelectorAll("[data-tick]")) {
        const moment = element.getAttribute("datetime");
        if (moment) putFigure(element, FORMATS[element.dataset.tick]?.(moment, at));
    }
}

/** The topic and the path that an element names. */
export function placeOf(element) {
    const named = element.dataset.live ?? element.dataset.row;
    if (!named.startsWith("#")) return splitName(named);
    const row = element.parentElement?.closest("[data-row]");
    const above = row && placeOf(row);
    return above && { topic: above.topic, path: `${above.path}/${named.slice(1)}` };
}

/** The topic and the path of a name. */
export function splitName(named) {
    const [topic, path = ""] = named.split(/#(.*)/s);
    return topic ? { topic, path } : null;
}

function update(element, value) {
    if (element.dataset.live === undefined) showPresence(element, value !== undefined);
    else if (value !== undefined) show(element, value);
}

function showPresence(row, isThere) {
    if (isThere) seen.add(row);
    if (seen.has(row)) markGone(row, !isThere);
}

function show(element, value) {
    const { format = "number", attribute } = element.dataset;
    if (attribute !== undefined) {
        if (LENGTHS.has(attribute)) element.setAttribute(attribute, lengthOf(value));
        if (attribute === "title") element.title = value ?? "";
        return;
    }
    if (TICKING.has(format)) {
        element.dataset.tick = format;
        element.setAttribute("datetime", value ?? "");
        element.title = formatTime(Date.parse(value));
    }
    const text = FORMATS[format]?.(value, liveTopics().serverTime());
    if (format === "number") nameExactly(element, text, value);
    putFigure(element, text);
}

/** The title of a shortened number; the server puts it on an element inside. */
function nameExactly(element, text, value) {
    const exact = formatNumber(value);
    if (text === null || exact === null || (text === exact && !element.title)) return;
    if (element.firstElementChild) element.textContent = text;
    element.title = text === exact ? "" : exact;
}

function lengthOf(share) {
    return `${Math.min(100, Math.max(0, Number(share) * 100)).toFixed(1)}%`;
}

/** Null is a figure that JavaScript cannot hold: what the server wrote stays. */
export function putFigure(element, text) {
    if (text !== null && text !== undefined) put(element, text);
}
