/** Messages about what happened. The server renders its own; modules add theirs with `toast`. */

import { announce, make, makeIcon } from "./dom.js";
import { declareKeys } from "./keys.js";

const SHAPES = {
    error: "shape tone-failed",
    warning: "shape tone-retrying",
    success: "shape tone-completed",
    info: "shape tone-pending",
};
const SYMBOLS = {
    error: "state-failed",
    warning: "state-warning",
    success: "state-completed",
    info: "state-acknowledged",
};

export function startToasts() {
    for (const item of document.querySelectorAll(".toasts > .toast")) addClose(item);
    const undo = document.querySelector("[data-undo]");
    if (undo) declareKeys([{ press: "z", text: "Undo what was just done", run: () => undo.click() }]);
}

/** Show a message; `level` is error, warning, success or info. What did not happen is no success. */
export function toast(level, text) {
    const item = make("li", `toast ${level}`);
    item.append(makeIcon(SYMBOLS[level], SHAPES[level]), make("span", "", text));
    addClose(item);
    list().append(item);
    announce(text);
}

function list() {
    const known = document.querySelector(".toasts");
    if (known) return known;
    const made = make("ul", "toasts");
    document.querySelector("main")?.prepend(made);
    return made;
}

function addClose(item) {
    const button = make("button", "icon-button small", "", makeIcon("i-x"));
    button.type = "button";
    button.setAttribute("aria-label", "Close this message");
    button.addEventListener("click", () => {
        const list = item.parentElement;
        item.remove();
        if (list && !list.children.length) list.remove();
        document.querySelector("main")?.focus({ preventScroll: true });
    });
    item.append(button);
}
