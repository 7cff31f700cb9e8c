/** Menus and drawers, `<details data-menu>` and `<details data-drawer>`: Escape and a click elsewhere
 * close them. */

import { declareKeys } from "./keys.js";

export function startMenus() {
    const menus = [...document.querySelectorAll("details[data-menu], details[data-drawer]")];
    if (!menus.length) return;
    declareKeys([{ press: "Escape", isAlways: true, text: "Close the open menu", run: () => closeOpen(menus) }]);
    document.addEventListener("click", (event) => {
        for (const each of menus) if (each.open && !each.contains(event.target)) each.open = false;
    });
}

function closeOpen(menus) {
    const open = menus.find((each) => each.open);
    if (!open) return false;
    open.open = false;
    open.querySelector("summary").focus();
    return true;
}
