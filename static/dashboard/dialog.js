/** Dialogs: the browser keeps the focus inside, Escape closes, and the focus goes back to where it
 * was, or to the content of the page if it was nowhere. */

import { make } from "./dom.js";

/** Open a dialog; it is removed when it closes. `body` and `buttons` are elements. */
export function openDialog({ title, text = "", body = [], buttons = [], note = "", className = "" }) {
    const heading = make("h2", "", title);
    heading.id = "dialog-title";
    const head = make("div", "dialog-head", "", heading);
    if (text) head.append(make("p", "soft", text));
    const form = make("form", "", "", head);
    form.method = "dialog";
    if (body.length) form.append(make("div", "dialog-body", "", ...body));
    const foot = make("div", "dialog-foot");
    if (note) foot.append(make("span", "small", note));
    foot.append(...buttons);
    form.append(foot);

    const dialog = make("dialog", className, "", form);
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.addEventListener("close", () => {
        dialog.remove();
        if (document.activeElement === document.body) document.querySelector("main")?.focus({ preventScroll: true });
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
}

/** A button that closes its dialog. */
export function closeButton(text) {
    const button = make("button", "button", text);
    button.value = "";
    button.formNoValidate = true;
    return button;
}
