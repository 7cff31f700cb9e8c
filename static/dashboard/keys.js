/** Keys. Each is declared once, with what it does and what the help says of it; modules of a page
 * add their own with `declareKeys`:
 *   press    the key, as the browser names it; with `chord`, the key that comes before it
 *   text     what it does, for the help; without it the help leaves the key out
 *   run      does it, with the event; false if it does not apply now, then the key has no effect
 *   within   a selector: only while the focus is inside such an element; these cannot be switched off
 *   hasShift, hasCtrl   with these keys held; `hasCtrl` also while somebody types
 *   isAlways also while somebody types
 */

import { showKeyHelp } from "./keyhelp.js";
import { focusSearch } from "./search.js";

const STORED = "taskplane.keys";
const CHORD_MS = 1500;
const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

const declared = [];
let chord = { key: "", until: 0 };

export function declareKeys(keys) {
    declared.push(...keys);
}

/** The keys of every page. */
export function startKeys() {
    declareKeys([
        ...[...document.querySelectorAll(".navigation a[data-key]")].map((link) => ({
            chord: "g",
            press: link.dataset.key,
            text: link.title,
            run: () => link.click(),
        })),
        { press: "/", text: "Search", run: focusSearch },
        { press: "k", hasCtrl: true, text: "Search, also while typing", run: focusSearch },
        { press: "p", text: "Pause or resume live updates", run: () => document.getElementById("live-pause")?.click() },
        { press: "?", text: "This help", run: showHelp },
    ]);
    document.addEventListener("keydown", press);
    const button = document.getElementById("keys-help");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", showHelp);
}

function press(event) {
    if (event.altKey || event.isComposing || event.defaultPrevented) return;
    const prefix = Date.now() < chord.until ? chord.key : "";
    const isHeld = document.querySelector("dialog[open]") !== null;
    const isTyping = Boolean(event.target.closest?.(TYPING));
    const fitting = declared.filter((each) => matches(each, event, prefix) && mayRun(each, isHeld, isTyping));
    const key = fitting.find((each) => each.within) ?? fitting[0];
    chord = { key: "", until: 0 };
    if (key) {
        if (key.run(event) !== false) event.preventDefault();
    } else if (!isHeld && !isTyping && areOn() && declared.some((each) => each.chord === event.key)) {
        if (event.ctrlKey || event.metaKey) return;
        chord = { key: event.key, until: Date.now() + CHORD_MS };
        event.preventDefault();
    }
}

function matches(key, event, prefix) {
    const hasCtrl = event.ctrlKey || event.metaKey;
    const pressed = hasCtrl ? event.key.toLowerCase() : event.key;
    if (key.press !== pressed || (key.chord ?? "") !== prefix) return false;
    if (Boolean(key.hasCtrl) !== hasCtrl || (key.hasShift && !event.shiftKey)) return false;
    return !key.within || Boolean(event.target.closest?.(key.within));
}

/** Keys do nothing while a dialog is open or somebody types, but for those that say so. */
function mayRun(key, isHeld, isTyping) {
    if (key.hasCtrl) return true;
    if (isHeld || (isTyping && !key.isAlways)) return false;
    return Boolean(key.within) || Boolean(key.isAlways) || areOn();
}

function areOn() {
    return window.localStorage.getItem(STORED) !== "off";
}

function showHelp() {
    showKeyHelp(declared, areOn(), (isOn) => {
        window.localStorage.setItem(STORED, isOn ? "on" : "off");
    });
}
