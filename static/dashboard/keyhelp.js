/** The help of the keyboard, made of the keys that the page has declared. */

import { closeButton, openDialog } from "./dialog.js";
import { make } from "./dom.js";

const NAMES = { ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

/** `choose(isOn)` keeps whether keys without Ctrl are on. */
export function showKeyHelp(keys, areOn, choose) {
    const list = make("dl", "facts keys", "", ...keys.filter((key) => key.text).map(makeRow));
    const box = make("input");
    box.type = "checkbox";
    box.checked = areOn;
    box.addEventListener("change", () => choose(box.checked));
    const choice = make("label", "nowrap", "", box, " Keys without Ctrl are on");
    openDialog({ title: "Keyboard", body: [list, choice], buttons: [closeButton("Close")] });
}

/** The names of the keys that are pressed, one after another: ["g", "o"], ["Shift ←"]. */
function nameKeys(key) {
    const held = key.hasCtrl ? "Ctrl " : key.hasShift ? "Shift " : "";
    const name = NAMES[key.press] ?? (key.hasCtrl ? key.press.toUpperCase() : key.press);
    return key.chord ? [key.chord, name] : [held + name];
}

function makeRow(key) {
    const term = make("dt");
    for (const name of nameKeys(key)) term.append(make("kbd", "", name), " ");
    return make("div", "key-row", "", term, make("dd", "", key.text));
}
