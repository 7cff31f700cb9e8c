/**
 * Elements that show a figure of a live topic, without code of their page:
 *
 *     <b data-live="queues#rows/emails/depth" data-format="number">12</b>
 *     <tr data-row="queues#rows/emails"> <td data-live="#depth">12</td> </tr>
 *
 * A path that begins with # is below the element's row. data-attribute="width" writes an attribute
 * instead of the text (of LENGTHS, as a percentage of 1). A row whose object is gone gets data-gone
 * and stays where it is. A list with data-rows="queues#order" gets the event "live:rows" with the ids
 * that have no row (data-row, or data-row-id), and shows their number in the element that its
 * data-new selects; data-order="newest": the newest come first, and older ones are not new.
 */

import { escapeKey, readPath, splitPath } from "./changes.js";
import { put } from "./dom.js";
import { FORMATS, TICKING } from "./formats.js";
import { liveTopics, subscribe } from "./live.js";

const LENGTHS = new Set(["width", "height", "x", "y"]);
const TICK_MS = 1000;

/** Follow the elements below `root`, also those that come later, until the page is left. */
export function bindAll(root = document) {
    const byTopic = new Map();
    for (const element of root.querySelectorAll("[data-live], [data-row], [data-rows]")) {
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
}

/** Times that follow the clock: <time datetime="…" data-tick="ago|elapsed">; only while live. */
export function startTicking() {
    const topics = liveTopics();
    if (!topics) return;
    setInterval(() => {
        if (topics.isHidden || topics.freshness()?.status !== "live") return;
        const at = topics.serverTime();
        for (const element of document.querySelectorAll("[data-tick]")) {
            const moment = element.getAttribute("datetime");
            if (moment) putFigure(element, FORMATS[element.dataset.tick]?.(moment, at));
        }
    }, TICK_MS);
}

/** The topic and the path that an element names. */
export function placeOf(element) {
    const named = element.dataset.live ?? element.dataset.row ?? element.dataset.rows;
    if (!named.startsWith("#")) return split(named);
    const row = element.parentElement?.closest("[data-row]");
    const above = row && placeOf(row);
    return above && { topic: above.topic, path: `${above.path}/${named.slice(1)}` };
}

/** "queues#rows/emails" for a topic and keys. */
export function nameOf(topic, ...keys) {
    return `${topic}#${keys.map(escapeKey).join("/")}`;
}

function split(named) {
    const [topic, path = ""] = named.split(/#(.*)/s);
    return topic ? { topic, path } : null;
}

function update(element, value) {
    if (element.dataset.rows !== undefined) tellNewRows(element, value ?? []);
    else if (element.dataset.live === undefined) element.toggleAttribute("data-gone", value === undefined);
    else if (value !== undefined) show(element, value);
}

function show(element, value) {
    const { format = "number", attribute } = element.dataset;
    if (attribute !== undefined) {
        if (LENGTHS.has(attribute)) element.setAttribute(attribute, lengthOf(value));
        return;
    }
    if (TICKING.has(format)) {
        element.dataset.tick = format;
        element.setAttribute("datetime", value ?? "");
    }
    putFigure(element, FORMATS[format]?.(value, liveTopics().serverTime()));
}

/** null is a figure that JavaScript cannot hold: the older text stays. */
function putFigure(element, text) {
    if (text !== null && text !== undefined) put(element, text);
}

function lengthOf(share) {
    return `${Math.min(100, Math.max(0, Number(share) * 100)).toFixed(1)}%`;
}

function tellNewRows(list, ids) {
    const shown = new Set([...list.querySelectorAll("[data-row], [data-row-id]")].map(idOf));
    const fresh = findFresh(ids, shown, list.dataset.order === "newest");
    const label = document.querySelector(list.dataset.new ?? ":not(*)");
    if (label) {
        label.hidden = fresh.length === 0;
        put(label, `${fresh.length} new, show`);
    }
    list.dispatchEvent(new CustomEvent("live:rows", { bubbles: true, detail: { ids: fresh } }));
}

function idOf(row) {
    return row.dataset.rowId ?? splitPath(row.dataset.row).pop();
}

/** The ids without a row; of a list with the newest first only those before the first known one. */
export function findFresh(ids, shown, isNewestFirst) {
    const known = ids.findIndex((id) => shown.has(String(id)));
    const candidates = isNewestFirst && known >= 0 ? ids.slice(0, known) : ids;
    return candidates.filter((id) => !shown.has(String(id)));
}
