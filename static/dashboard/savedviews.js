/** The views above a list: keys that lead to them. Links and forms work without this. */

import { declareKeys } from "./keys.js";

export function startSavedViews() {
    const bar = document.querySelector("[data-views]");
    if (!bar) return;
    const tabs = bar.querySelector("nav") ?? bar;
    declareKeys([
        { press: "v", text: "Go to the views of this list", run: () => goTo(tabs) },
        { press: "V", text: "Save this list as a view", run: () => openSaving(bar) },
    ]);
    show(tabs);
}

function goTo(tabs) {
    const link = tabs.querySelector("[aria-current]") ?? tabs.querySelector("a");
    if (!link) return false;
    link.focus();
    return true;
}

function openSaving(bar) {
    const drawer = bar.querySelector("[data-save-view]");
    if (!drawer) return false;
    drawer.open = true;
    drawer.querySelector("input[name=name]").select();
    return true;
}

/** On a narrow screen the current view may be beyond the edge of the row. */
function show(tabs) {
    const link = tabs.querySelector("[aria-current]");
    if (link) tabs.scrollLeft = Math.max(0, link.offsetLeft - tabs.offsetLeft - 48);
}
