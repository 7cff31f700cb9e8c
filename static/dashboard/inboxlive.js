/** The failure inbox follows what others decide, and counts groups that came since it was drawn: the
 * topic says that something has changed, and the server what the rows say now. The counts of the rows
 * follow by bind.js. A row's form names the version that is shown. */

import { Asking } from "./asking.js";
import { make, put } from "./dom.js";
import { showNew } from "./newrows.js";
import { makeNamedShape } from "./shapes.js";

const TOPIC = "failure-groups";

function showRow(row, found) {
    const shape = makeNamedShape(found);
    const drawn = row.querySelector(":scope > .shape");
    if (!drawn.isEqualNode(shape)) drawn.replaceWith(shape);
    put(row.querySelector("[data-word]"), found.word);
    put(row.querySelector("[data-since]"), found.since);
    showOwner(row.querySelector("[data-owner]"), found.owner);
    showTicket(row.querySelector("[data-ticket]"), found.ticket);
    for (const field of row.querySelectorAll("[name='version']")) field.value = found.version;
    for (const link of row.querySelectorAll("a[data-key-verb='m']")) {
        link.search = link.search.replace(/\bversion=\d+/, `version=${found.version}`);
    }
}

function showOwner(place, owner) {
    const shown = make("span");
    if (owner) {
        const avatar = make("span", "avatar small", owner.initials);
        avatar.ariaHidden = "true";
        shown.append(avatar, " ", make("bdi", "", owner.words));
    } else {
        shown.append("nobody");
    }
    shown.dataset.owner = "";
    if (!place.isEqualNode(shown)) place.replaceWith(shown);
}

/** The server takes web addresses only. */
function showTicket(link, ticket) {
    link.hidden = !ticket;
    if (!ticket) return;
    link.href = ticket.url;
    put(link.querySelector("bdi"), ticket.text);
}

function follow(list) {
    const rows = [...list.querySelectorAll("[data-group]")];
    const label = document.getElementById("new-groups"); // on the first page only
    const address = new URL(list.dataset.changes, location.href);
    address.searchParams.set("ids", rows.map((row) => row.dataset.group).join(","));
    const show = (found) => {
        for (const row of rows) {
            const changed = found.rows[row.dataset.group];
            if (changed) showRow(row, changed);
        }
        if (label) showNew(label, found.newer);
    };
    new Asking([TOPIC], () => ({ address, show }));
}

for (const list of globalThis.document?.querySelectorAll("[data-changes]") ?? []) follow(list);
