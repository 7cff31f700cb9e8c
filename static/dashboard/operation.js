/** The page of an open operation: its figures are bound; a new state loads the page again. */

import { subscribe } from "./live.js";
import { reloadWhenFree } from "./reload.js";

const page = document.querySelector("[data-subject]");

if (page) {
    subscribe(page.dataset.subject, (operation) => {
        if (hasMoved(operation)) reloadWhenFree();
    });
}

function hasMoved(operation) {
    const isSame = operation.status === page.dataset.status;
    return !isSame || Boolean(operation.pausedAt) !== Boolean(page.dataset.paused);
}
