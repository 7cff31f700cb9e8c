/** What Django's own scripts leave out for screen readers. */

window.addEventListener("load", () => {
    // SelectFilter2.js names pictures by aria-label, which needs a role.
    for (const picture of document.querySelectorAll("span.help-tooltip[aria-label]")) {
        picture.setAttribute("role", "img");
    }
});
