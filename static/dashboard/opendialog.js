/** Dialogs that are part of a page: a link with `data-dialog` opens the one of that id. Without this
 * module the link leads to a page that asks the same. */

export function startPageDialogs(root = document) {
    root.addEventListener("click", (event) => {
        const link = event.target.closest("[data-dialog]");
        const dialog = link && document.getElementById(link.dataset.dialog);
        if (!dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        dialog.showModal();
    });
    root.addEventListener("click", (event) => {
        const button = event.target.closest("dialog [data-close]");
        if (button) button.closest("dialog").close();
    });
}
