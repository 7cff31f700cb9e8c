/** The failure inbox follows what others decide, and counts groups that came since it was drawn. The
 * counts of its rows follow by bind.js. A row's form names the version that is shown. */

import { placeOf } from "./bind.js";
import { readPath } from "./changes.js";
import { put, visible } from "./dom.js";
import { formatNumber, formatRelative, formatState } from "./formats.js";
import { liveTopics, subscribe } from "./live.js";
import { showNew } from "./newrows.js";
import { makeShape } from "./shapes.js";

const TOPIC = "failure-groups";
// By the state, as dlq/admin/inboxrows.py.
const SHAPES = {
    OPEN: "bad",
    REGRESSED: "regressed",
    ACKNOWLEDGED: "acknowledged",
    MUTED: "quiet",
    RESOLVED: "good",
};
const MINE = new Set(["OPEN", "REGRESSED", "ACKNOWLEDGED"]);
const REASON_LENGTH = 80;
const TICKET_LENGTH = 40;

// ---- rows ----

function showRow(row, group) {
    const shown = `${group.version} ${group.state} ${group.grown}`;
    if (row.dataset.shown === shown) return;
    row.dataset.shown = shown;
    row.querySelector(":scope > .shape").replaceWith(makeShape(SHAPES[group.state]));
    put(row.querySelector("[data-word]"), formatState(group.state));
    put(row.querySelector("[data-since]"), describeState(group));
    const owner = row.querySelector("[data-owner]");
    if (owner.dataset.owner !== (group.owner ?? "")) {
        owner.dataset.owner = group.owner ?? "";
        put(owner, group.owner ?? "nobody");
    }
    showTicket(row.querySelector("[data-ticket]"), group.ticket);
    for (const field of row.querySelectorAll("[name='version']")) field.value = group.version;
    for (const link of row.querySelectorAll("a[data-key-verb='m']")) {
        link.search = link.search.replace(/\bversion=\d+/, `version=${group.version}`);
    }
}

/** As `describe_state` of dlq/admin/groupwords.py. */
function describeState(group) {
    const at = liveTopics().serverTime();
    const since = formatRelative(Date.parse(group.stateSince), at);
    const by = group.stateBy ? ` by ${visible(group.stateBy)}` : "";
    const regression = group.back && describeRegression(group.back, at);
    if (group.state === "REGRESSED") return regression;
    const back = regression ? `; ${regression}` : "";
    if (group.state === "ACKNOWLEDGED") {
        return `${since}${by}${group.grown ? `, +${formatNumber(group.grown)} since` : ""}${back}`;
    }
    if (group.state === "MUTED") {
        const reason = visible(shorten(group.stateReason ?? "", REASON_LENGTH));
        return `${describeMute(group)}${by}${reason ? `: “${reason}”` : ""}${back}`;
    }
    if (group.state === "RESOLVED") return by ? `${since}${by}` : `${since}: all work is done, or discarded`;
    return `since ${formatRelative(Date.parse(group.firstSeenAt), at)}${back}`;
}

function describeRegression(back, at) {
    const code = back.on.map(visible).join(", ");
    return `was resolved, back ${formatRelative(Date.parse(back.at), at)}${code ? ` on ${code}` : ""}`;
}

function describeMute({ mutedUntil, mutedAbove }) {
    const until = mutedUntil && `until ${mutedUntil.slice(0, 16).replace("T", " ")} UTC`;
    const letters = mutedAbove === 1 ? "open letter" : "open letters";
    const above = mutedAbove === null ? "" : `up to ${formatNumber(mutedAbove)} ${letters}`;
    return [until, above].filter(Boolean).join(" or ");
}

/** The server takes web addresses only. */
function showTicket(link, ticket) {
    link.hidden = !ticket;
    if (!ticket) return;
    link.href = ticket;
    put(link.querySelector("bdi"), shorten(ticket.replace(/[?#].*/s, "").replace(/\/+$/, "").split("/").pop(), TICKET_LENGTH));
}

function shorten(text, length) {
    return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

// ---- groups that came ----

/** Those that the view would show if it were drawn now, and that were not there then. */
function countNew(list, groups) {
    const { view, me } = list.dataset;
    const drawn = new Set([...list.querySelectorAll("[data-group]")].map((row) => row.dataset.group));
    const isOfView = (group) => view === "all" || (MINE.has(group.state) && [null, me].includes(group.owner));
    const isNew = (group) => Math.max(Date.parse(group.stateSince), Date.parse(group.firstSeenAt)) > liveTopics().drawnAt;
    return groups.filter((group) => !drawn.has(group.id) && isOfView(group) && isNew(group)).length;
}

for (const row of globalThis.document?.querySelectorAll("[data-groups] > [data-row]") ?? []) {
    const { topic, path } = placeOf(row);
    subscribe(topic, (snapshot) => {
        const group = readPath(snapshot, path);
        if (group) showRow(row, group);
    });
}
const list = globalThis.document?.querySelector("[data-new-groups]");
if (list) {
    subscribe(TOPIC, (snapshot) => showNew(document.getElementById("new-groups"), countNew(list, Object.values(snapshot.rows))));
}
