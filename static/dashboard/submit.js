/** The form of a new task: it is sent once, and the first field with an error gets the focus. */

const form = document.querySelector("[data-submit-form]");

form?.addEventListener("submit", (event) => {
    if (form.dataset.isSent) event.preventDefault();
    form.dataset.isSent = "yes";
});
// Back from the next page, it may be sent again.
addEventListener("pageshow", () => {
    if (form) delete form.dataset.isSent;
});
document.querySelector(".has-errors :is(input, select, textarea)")?.focus();
