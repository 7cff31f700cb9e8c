// Classic and in the head: the theme is chosen before anything is drawn. The key and its values are
// those of Django's admin: "light", "dark", "auto".
(function () {
    const root = document.documentElement;
    let chosen = null;
    try {
        chosen = window.localStorage.getItem("theme");
    } catch {
        // A browser that forbids storage: the theme of the system holds.
    }
    root.dataset.theme = ["light", "dark"].includes(chosen) ? chosen : "auto";
})();
