/** The button that goes from auto to light to dark. */

import { setIcon } from "./dom.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const ICONS = { auto: "i-auto", light: "i-sun", dark: "i-moon" };

export function startThemeSwitch() {
    const button = document.getElementById("theme-switch");
    if (!button) return;
    button.hidden = false;
    show(button);
    button.addEventListener("click", () => {
        const theme = NEXT[document.documentElement.dataset.theme] ?? "auto";
        document.documentElement.dataset.theme = theme;
        window.localStorage.setItem("theme", theme);
        show(button);
    });
}

function show(button) {
    const theme = document.documentElement.dataset.theme ?? "auto";
    const text = `Theme: ${theme}. Switch to ${NEXT[theme] ?? "auto"}.`;
    button.setAttribute("aria-label", text);
    button.title = text;
    setIcon(button, ICONS[theme] ?? ICONS.auto);
}
