/** The failure inbox: a key acts on a group; rowkeys.js walks over them. It presses the button, or
 * follows the link, of the row that has the focus; without one it is the group that is open beside the
 * list. */

import { announce } from "./dom.js";
import { declareKeys } from "./keys.js";

const list = document.querySelector("[data-groups]");

function rows() {
    return [...(list?.querySelectorAll("[data-group]") ?? [])];
}

function current() {
    return (
        document.activeElement?.closest("[data-group]") ??
        list?.querySelector("[data-group].selected") ??
        null
    );
}

function focusRow(row) {
    row.querySelector("a.row-name").focus();
    row.scrollIntoView({ block: "nearest" });
}

/** Press what the key stands for in the current row. */
function act(key) {
    const row = current();
    const target = row?.querySelector(`[data-key-verb="${key}"]`);
    if (!target) {
        announce(row ? "This cannot be done with the group." : "Choose a group first: press j.");
        return;
    }
    if (target.matches("a")) target.click();
    else target.form.requestSubmit(target);
}

function keepPlace() {
    const row = document.activeElement?.closest("[data-group]");
    if (row) window.sessionStorage.setItem("taskplane.inbox", String(rows().indexOf(row)));
}

/** After an action the focus is where it was: on the next group, if that one has gone. */
function restore() {
    const kept = window.sessionStorage.getItem("taskplane.inbox");
    if (!list || kept === null) return;
    window.sessionStorage.removeItem("taskplane.inbox");
    const all = rows();
    if (all.length) focusRow(all[Math.min(all.length - 1, Number(kept))]);
}

const VERBS = {
    a: "Acknowledge the group",
    o: "Own the group",
    m: "Mute the group",
    e: "Edit and reprocess its newest letter",
    r: "Reprocess the group",
    d: "Discard the group",
};

if (list) {
    restore();
    window.addEventListener("pagehide", keepPlace);
}
if (list?.querySelector("[data-key-verb]")) {
    declareKeys(Object.entries(VERBS).map(([press, text]) => ({ press, text, run: () => act(press) })));
}
// A question is answered by keyboard at once.
document.querySelector(".question :is(select, textarea, input:not([type='hidden']))")?.focus();
