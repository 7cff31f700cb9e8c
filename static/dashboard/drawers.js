/** Drawers of a list: closed by Escape, or by a click elsewhere. */

import { declareKeys } from "./keys.js";

export function startDrawers() {
    const drawers = [...document.querySelectorAll("details[data-drawer]")];
    declareKeys([{ press: "Escape", isAlways: true, text: "Close the open menu", run: () => closeOpen(drawers) }]);
    document.addEventListener("click", (event) => {
        for (const each of drawers) if (each.open && !each.contains(event.target)) each.open = false;
    });
}

function closeOpen(drawers) {
    const open = drawers.find((each) => each.open);
    if (!open) return false;
    open.open = false;
    open.querySelector("summary").focus();
    return true;
}
