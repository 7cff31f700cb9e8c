/** The rows of the failure inbox: what somebody else decides. Counts follow by bind.js, groups that
 * come by newrows.js. The row's form then names the version that is shown. */

import { placeOf } from "./bind.js";
import { readPath } from "./changes.js";
import { put, visible } from "./dom.js";
import { formatState } from "./formats.js";
import { subscribe } from "./live.js";
import { makeShape } from "./shapes.js";

// By the state, as dlq/admin/inboxrows.py.
const SHAPES = {
    OPEN: "bad",
    REGRESSED: "regressed",
    ACKNOWLEDGED: "acknowledged",
    MUTED: "quiet",
    RESOLVED: "good",
};

function show(row, group) {
    if (row.dataset.version === String(group.version) && row.dataset.state === group.state) return;
    if (row.dataset.state !== group.state) showState(row, group);
    const owner = row.querySelector("[data-owner]");
    if (owner.dataset.owner !== (group.owner ?? "")) {
        owner.dataset.owner = group.owner ?? "";
        put(owner, group.owner ?? "nobody");
    }
    row.dataset.version = group.version;
    for (const field of row.querySelectorAll("[name='version']")) field.value = group.version;
    for (const link of row.querySelectorAll("a[data-key-verb='m']")) {
        link.search = link.search.replace(/\bversion=\d+/, `version=${group.version}`);
    }
}

function showState(row, group) {
    row.dataset.state = group.state;
    row.querySelector(":scope > .shape").replaceWith(makeShape(SHAPES[group.state]));
    put(row.querySelector("[data-word]"), formatState(group.state));
    put(row.querySelector("[data-since]"), group.stateBy ? `by ${visible(group.stateBy)}` : "");
}

for (const row of globalThis.document?.querySelectorAll("[data-groups] > [data-row]") ?? []) {
    const { topic, path } = placeOf(row);
    subscribe(topic, (snapshot) => {
        const group = readPath(snapshot, path);
        if (group) show(row, group);
    });
}
