/**
 * The sentence that says why a task waits, or what it does instead. It depends on more than the task:
 * on the pause, the limits and the other tasks of its queue, on workers and dispatcher. Until the task
 * has ended, the page asks again: at once when the queue is paused, limited or served otherwise, after
 * some seconds when its tasks came or went, and after a while in any case. A sentence that is too old
 * turns grey.
 */

import { escapeKey, readPath } from "./changes.js";
import { subscribe } from "./live.js";

const TOPIC = "queues";
const LOOK_MS = 1000;
const NEWS_MS = 5000;
const LONGEST_MS = 15000;
const STALE_MS = 30000;
const WAITING = new Set(["BLOCKED", "PENDING", "RETRYING", "SCHEDULED"]);
const ENDED = new Set(["CANCELLED", "COMPLETED", "FAILED"]);
const SETTINGS = ["pausedAt", "pausedBy", "pauseReason", "maxRunning", "ratePerSecond", "isServed"];
const FIGURES = ["depth", "running"];

export class Explanation {
    /** `page` is the element of the task; `asking` asks for what it shows, one request at a time. */
    constructor(page, asking) {
        this.page = page;
        this.asking = asking;
        this.part = asking.addPart(TOPIC);
        this.path = `rows/${escapeKey(page.dataset.queue)}`;
        this.shownAt = 0; // when the page was asked for
        this.hasNews = false;
        this.leave = null;
        this.follow();
        setInterval(() => this.look(), LOOK_MS);
    }

    /** The page shows what was asked for last. */
    noteAnswer() {
        this.shownAt = this.asking.askedAt;
        this.follow();
        this.look();
    }

    /** Follow the queue while the task waits in it. */
    follow() {
        const isWaiting = WAITING.has(this.page.dataset.status);
        if (isWaiting) {
            this.leave ??= subscribe(TOPIC, (snapshot) => this.takeQueues(snapshot));
        } else {
            this.leave?.();
            this.leave = null;
        }
    }

    /** A topic that has too many queues leaves some out. */
    takeQueues(snapshot) {
        const row = readPath(snapshot, this.path);
        if (!row) return;
        const settings = JSON.stringify(SETTINGS.map((name) => row[name]));
        const figures = JSON.stringify(FIGURES.map((name) => row[name]));
        if (this.settings !== undefined && this.settings !== settings) {
            this.part.fallBehind();
            this.asking.touch();
        } else if (this.figures !== figures) {
            // The first ones, too: they may be newer than the page.
            this.hasNews = true;
        }
        this.settings = settings;
        this.figures = figures;
    }

    /** Whether it is time to ask, and whether the sentence is too old. */
    look() {
        if (document.hidden) return;
        const now = performance.now();
        const isOpen = !ENDED.has(this.page.dataset.status);
        const isStale = isOpen && now - this.shownAt > STALE_MS;
        this.page.querySelector("[data-sentence]").classList.toggle("is-stale", isStale);
        const quiet = now - Math.max(0, this.asking.askedAt);
        if (!isOpen || quiet < (this.hasNews ? NEWS_MS : LONGEST_MS)) return;
        this.hasNews = false;
        this.asking.touch();
    }
}
