/** A page with `data-reload` loads itself again after that many seconds, but not while it is hidden,
 * while somebody types or a dialog is open, nor once a form that changes something was touched, nor
 * after the button beside it has stopped it. A module reloads its page by `reloadWhenFree`, but not
 * one that answers a POST: that would be sent again. */

const FREE_MS = 1000;

let isDue = false;
let isTouched = false; // a form that changes something: what was typed would be lost

for (const type of ["input", "change", "submit"]) {
    globalThis.document?.addEventListener(type, (event) => {
        isTouched ||= Boolean(event.target.closest?.("form[method='post']"));
    });
}

export function startReloads() {
    const element = document.querySelector("[data-reload]");
    if (!element) return;
    const button = element.querySelector("button");
    let isOn = true;
    if (button) {
        button.hidden = false;
        button.addEventListener("click", () => {
            isOn = !isOn;
            button.setAttribute("aria-pressed", String(!isOn));
        });
    }
    window.setInterval(() => {
        if (isOn && !isBusy()) window.location.reload();
    }, Number(element.dataset.reload) * 1000);
}

/** Load the page again, once nobody is busy with it. */
export function reloadWhenFree() {
    if (isDue) return;
    isDue = true;
    const reload = () => (isBusy() ? setTimeout(reload, FREE_MS) : window.location.reload());
    reload();
}

function isBusy() {
    const active = document.activeElement;
    return isTouched || document.hidden || document.querySelector("dialog[open]") || active?.matches("input, textarea, select");
}
