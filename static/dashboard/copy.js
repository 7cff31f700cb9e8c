/** Buttons that copy: `data-copy` is the text, `data-copy-from` a selector of the element that has
 * it. On plain HTTP browsers have no clipboard for scripts; then the text is selected and copied as
 * a person would. */

import { announce, make } from "./dom.js";

const SHOWN_MS = 2000;

export function startCopyButtons() {
    for (const button of document.querySelectorAll("[data-copy], [data-copy-from]")) {
        button.hidden = false;
    }
    document.addEventListener("click", async (event) => {
        const button = event.target.closest("[data-copy], [data-copy-from]");
        if (!button) return;
        const from = button.dataset.copyFrom;
        const text = button.dataset.copy ?? document.querySelector(from)?.textContent ?? "";
        show(button, (await copyText(text)) ? "Copied" : "Not copied");
    });
}

/** Copy a text; false if the browser refuses. */
export async function copyText(text) {
    if (navigator.clipboard) {
        try {
            await navigator.clipboard.writeText(text);
            return true;
        } catch (error) {
            if (error.name !== "NotAllowedError") throw error;
        }
    }
    return copyBySelection(text);
}

function copyBySelection(text) {
    const before = document.activeElement;
    const area = make("textarea", "visually-hidden");
    area.value = text;
    area.readOnly = true;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const hasCopied = document.execCommand("copy");
    area.remove();
    before?.focus();
    return hasCopied;
}

function show(button, word) {
    announce(word);
    const label = button.querySelector(".copy-word");
    if (!label) return;
    const usual = label.dataset.usual ?? label.textContent;
    label.dataset.usual = usual;
    label.textContent = word;
    window.setTimeout(() => {
        label.textContent = usual;
    }, SHOWN_MS);
}
