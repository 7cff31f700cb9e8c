/** A second look before something is changed.
 *
 * A form, or one of its buttons, asks by attributes:
 *   data-confirm          the question, which is the title of the dialog
 *   data-confirm-text     what will happen
 *   data-confirm-button   the text of the button; otherwise that of the button that was pressed
 *   data-confirm-note     a short text beside the buttons
 *   data-confirm-harm     the button is red
 *   data-confirm-reason   asks for a reason and sends it under this name
 *   data-confirm-optional   the reason may be left out
 *   data-confirm-type     a text that must be typed to go on
 *   data-confirm-items    a selector of elements whose texts are listed, the first ten
 * A confirmed form is sent with `post=yes`, upon which the server does not ask again. Without this
 * module the server asks by a page of its own.
 */

import { closeButton, openDialog } from "./dialog.js";
import { make } from "./dom.js";

const MAX_ITEMS = 10;
const confirmed = new WeakSet();

export function startConfirmations() {
    document.addEventListener("submit", async (event) => {
        const form = event.target;
        const asker = [event.submitter, form].find((each) => each?.dataset.confirm);
        if (!asker || confirmed.delete(form)) return;
        event.preventDefault();
        const answer = await confirm(readQuestion(asker, event.submitter));
        if (!answer) return;
        addHidden(form, "post", "yes");
        if (asker.dataset.confirmReason) addHidden(form, asker.dataset.confirmReason, answer.reason);
        confirmed.add(form);
        form.requestSubmit(event.submitter);
    });
}

/** Ask, and return `{reason}`, or null if the person went back. */
export function confirm({ title, text, button, note, isHarm, asksReason, isOptional, mustType, items = [] }) {
    return new Promise((resolve) => {
        const body = items.length ? [listItems(items)] : [];
        const reason = asksReason ? addField(body, "Reason, kept in the audit log", "", !isOptional) : null;
        const typed = mustType ? addField(body, `Type ${mustType} to confirm`, "", true) : null;
        const go = make("button", `button ${isHarm ? "harm" : "primary"}`, button);
        go.value = "yes";
        if (typed) {
            go.disabled = true;
            typed.addEventListener("input", () => {
                go.disabled = typed.value !== mustType;
            });
        }
        const dialog = openDialog({ title, text, body, buttons: [closeButton("Back"), go], note });
        dialog.addEventListener("close", () => {
            const isSure = dialog.returnValue === "yes";
            resolve(isSure ? { reason: reason?.value.trim() ?? "" } : null);
        });
    });
}

function readQuestion(asker, submitter) {
    const data = asker.dataset;
    const listed = data.confirmItems ? document.querySelectorAll(data.confirmItems) : [];
    return {
        title: data.confirm,
        text: data.confirmText,
        button: data.confirmButton ?? submitter?.textContent.trim() ?? "Go on",
        note: data.confirmNote,
        isHarm: "confirmHarm" in data,
        asksReason: Boolean(data.confirmReason),
        isOptional: "confirmOptional" in data,
        mustType: data.confirmType,
        items: [...listed].map((each) => each.textContent.trim()),
    };
}

function listItems(items) {
    const list = make("ul", "dialog-list");
    for (const item of items.slice(0, MAX_ITEMS)) list.append(make("li", "", item));
    const rest = items.length - MAX_ITEMS;
    if (rest > 0) list.append(make("li", "faint", `and ${rest} more`));
    return list;
}

function addField(body, label, value, isRequired) {
    const input = make("input");
    input.type = "text";
    input.value = value;
    input.required = isRequired;
    input.maxLength = 500;
    body.push(make("label", "field", label, input));
    return input;
}

function addHidden(form, name, value) {
    const known = form.querySelector(`input[type=hidden][name="${CSS.escape(name)}"]`);
    const input = known ?? make("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    if (!known) form.append(input);
}
