/** The page of an open operation: its figures are bound; a new state loads the page again. */

import { subscribe } from "./live.js";

// The first snapshot may be a second older than the page, which then knows better.
const LASTS_MS = 1500;
const page = document.querySelector("[data-operation]");

if (page) {
    let newest = null;
    let timer = null;
    subscribe(page.dataset.operation, (operation) => {
        newest = operation;
        timer ??= setTimeout(() => {
            timer = null;
            if (hasMoved(newest) && !document.querySelector("dialog[open]")) location.reload();
        }, LASTS_MS);
    });
}

function hasMoved(operation) {
    const isSame = operation.status === page.dataset.status;
    return !isSame || Boolean(operation.pausedAt) !== Boolean(page.dataset.paused);
}
