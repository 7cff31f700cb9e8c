/** What Django's own scripts leave out for screen readers. */

/** After what Django's scripts do when the page is ready, which may be after it has loaded. */
function whenDone(act) {
    window.addEventListener("load", () => {
        const ready = window.django?.jQuery;
        if (ready) ready(act);
        else act();
    });
}

whenDone(() => {
    // SelectFilter2.js names pictures by aria-label, which needs a role.
    for (const picture of document.querySelectorAll("span.help-tooltip[aria-label]")) {
        picture.setAttribute("role", "img");
    }
    // Select2 names its box by the chosen value alone, and there may be none.
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
        const [label] = select.labels;
        const box = select.nextElementSibling?.querySelector("[role='combobox']");
        const value = box?.querySelector("[role='textbox']");
        if (!label || !value) continue;
        label.id ||= `${select.id}_label`;
        box.setAttribute("aria-labelledby", `${label.id} ${value.id}`);
        value.setAttribute("aria-labelledby", label.id);
    }
});
