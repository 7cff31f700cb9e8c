/** Keys: `g` and a letter opens a page, `/` or Ctrl K searches, `p` pauses, `?` shows them all. A
 * module of a page adds its own with `declareKeys`. They do nothing while somebody types, and can be
 * switched off in the dialog that `?` opens. */

import { closeButton, openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { focusSearch } from "./search.js";

const STORED = "taskplane.keys";
const CHORD_MS = 1500;
const TYPING = "input, textarea, select, [contenteditable]";

const declared = [];
let chordUntil = 0;

/** Add keys of a page: each has `press`, the key; `text`, what it does; and `run`, which does it. */
export function declareKeys(keys) {
    declared.push(...keys);
}

export function startKeys() {
    document.addEventListener("keydown", (event) => {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
            event.preventDefault();
            focusSearch();
        } else if (!isBusy(event) && areOn() && follow(event.key)) {
            event.preventDefault();
        }
    });
    const help = document.getElementById("keys-help");
    if (!help) return;
    help.hidden = false;
    help.addEventListener("click", showHelp);
}

function isBusy(event) {
    const isModified = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
    return isModified || event.target.closest?.(TYPING) || document.querySelector("dialog[open]");
}

function areOn() {
    return window.localStorage.getItem(STORED) !== "off";
}

/** Do what the key stands for; false if it stands for nothing. */
function follow(key) {
    if (Date.now() < chordUntil) {
        chordUntil = 0;
        const link = document.querySelector(`.navigation a[data-key="${CSS.escape(key)}"]`);
        link?.click();
        return Boolean(link);
    }
    if (key === "g") chordUntil = Date.now() + CHORD_MS;
    else if (key === "/") focusSearch();
    else if (key === "?") showHelp();
    else if (key === "p") document.getElementById("live-pause")?.click();
    else return runDeclared(key);
    return true;
}

function runDeclared(key) {
    const found = declared.find((each) => each.press === key);
    found?.run();
    return Boolean(found);
}

function showHelp() {
    const list = make("dl", "facts keys");
    for (const link of document.querySelectorAll(".navigation a[data-key]")) {
        list.append(keyRow(["g", link.dataset.key], link.title));
    }
    list.append(keyRow(["/"], "Search"), keyRow(["Ctrl K"], "Search, also while typing"));
    for (const each of declared) list.append(keyRow([each.press], each.text));
    list.append(keyRow(["p"], "Pause or resume live updates"), keyRow(["?"], "This help"));

    const box = make("input");
    box.type = "checkbox";
    box.checked = areOn();
    box.addEventListener("change", () => {
        window.localStorage.setItem(STORED, box.checked ? "on" : "off");
    });
    const choice = make("label", "nowrap", "", box, " Keys without Ctrl are on");
    openDialog({
        title: "Keyboard",
        body: [list, choice],
        buttons: [closeButton("Close")],
    });
}

function keyRow(keys, text) {
    const row = make("div", "key-row");
    const term = make("dt");
    for (const key of keys) term.append(make("kbd", "", key), " ");
    row.append(term, make("dd", "", text));
    return row;
}
