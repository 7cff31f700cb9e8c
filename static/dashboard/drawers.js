/** Drawers: `<details data-drawer>`, which Escape and a click elsewhere close. */

import { declareKeys } from "./keys.js";

export function startDrawers() {
    const drawers = [...document.querySelectorAll("details[data-drawer]")];
    if (drawers.length === 0) return;
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
