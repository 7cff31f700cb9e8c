/** The search field of the top bar: a task's ID opens the task, anything else the list of tasks. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NOBODY = "00000000-0000-0000-0000-000000000000";

export function startSearch() {
    const form = document.querySelector("form.search");
    form?.addEventListener("submit", (event) => {
        const text = form.elements.search.value.trim();
        if (!UUID.test(text)) return;
        event.preventDefault();
        window.location.assign(form.dataset.task.replace(NOBODY, text.toLowerCase()));
    });
}

/** Put the cursor into the field, or open the list where the bar has no room for a field. */
export function focusSearch() {
    const field = document.querySelector("form.search input[type=search]");
    if (field?.checkVisibility()) {
        field.focus();
        field.select();
    } else {
        document.querySelector(".search-link")?.click();
    }
}
