/** The chip in the top bar: whether the page is live, and how old its data is. */

import { announce, put, setIcon } from "./dom.js";
import { formatAge } from "./formats.js";
import { LABELS } from "./freshness.js";
import { liveTopics } from "./live.js";
import { POLL_MS } from "./livesocket.js";

const UPDATE_MS = 250;
// Between two looks: the clock of a page stands still while its computer sleeps.
const SLEPT_MS = 2000;
const ANNOUNCED = new Set(["live", "disconnected"]);
let announced = "live"; // the last of these that screen readers know

export function startChip() {
    const topics = liveTopics();
    const chip = document.getElementById("live-chip");
    if (!topics || !chip) return;
    const button = document.getElementById("live-pause");
    button?.addEventListener("click", () => {
        if (topics.isPaused) topics.resume();
        else topics.pause();
        showButton(button, topics.isPaused);
        update();
    });
    const update = () => show(chip, button, topics);
    update();
    let before = Date.now() - performance.now();
    setInterval(() => {
        const after = Date.now() - performance.now();
        if (after - before > SLEPT_MS) topics.forgetAges();
        before = after;
        update();
    }, UPDATE_MS);
}

function show(chip, button, topics) {
    if (topics.isHidden) return;
    const found = topics.freshness();
    chip.hidden = !found;
    if (button) button.hidden = !found || topics.isOver;
    if (!found) return;
    const before = chip.dataset.status;
    chip.dataset.status = found.status;
    put(document.getElementById("live-status"), LABELS[found.status]);
    put(document.getElementById("live-age"), ageText(found));
    chip.title = titleOf(found, topics.endReason);
    document.body.classList.toggle("is-stale", found.isStale);
    document.body.toggleAttribute("data-stale", found.isStale);
    if (before && before !== found.status && ANNOUNCED.has(found.status) && found.status !== announced) {
        announced = found.status;
        announce(`Updates: ${LABELS[found.status].toLowerCase()}.`);
    }
}

export function ageText({ status, age }) {
    return status === "over" ? "" : formatAge(age);
}

/** Why there are no more updates, or how rare they are. */
export function titleOf({ status }, endReason) {
    if (endReason || status !== "polling") return endReason;
    return `The data is asked for every ${POLL_MS / 1000} s, as no live connection can be opened.`;
}

function showButton(button, isPaused) {
    const text = isPaused ? "Resume live updates" : "Pause live updates";
    button.setAttribute("aria-pressed", String(isPaused));
    button.setAttribute("aria-label", text);
    button.title = text;
    setIcon(button, isPaused ? "i-play" : "i-pause");
}
