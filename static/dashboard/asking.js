/**
 * A part of a page that asks the server itself when topics say that something has changed: at most
 * once a period, and not while the page is hidden or paused, nor once what it is about is gone.
 * `prepare` gives the address and what is done with the answer.
 */

import { liveTopics, subscribe } from "./live.js";

export const PERIOD_MS = 2000;
const RETRY_MS = 5000;

export class Asking {
    /** `topics`: those that are followed; the parts say on the chip how old the figures are. */
    constructor(topics, prepare, periodMs = PERIOD_MS) {
        this.prepare = prepare;
        this.periodMs = periodMs;
        this.askedAt = -Infinity;
        this.isWaiting = false;
        this.isAsking = false;
        this.parts = [];
        for (const topic of topics) {
            const part = this.addPart(topic);
            subscribe(topic, () => {
                part.fallBehind();
                this.touch();
            });
        }
    }

    /** A part that the answers bring up to date; the topic is followed by the caller. */
    addPart(topic) {
        const part = liveTopics().makePart(topic);
        this.parts.push(part);
        return part;
    }

    /** Something has changed: ask, but not more often than once a period, nor before the last answer,
     * which would otherwise be shown over a newer one. */
    touch(wait = Math.max(0, this.askedAt + this.periodMs - performance.now())) {
        if (this.isWaiting) return;
        this.isWaiting = true;
        if (!this.isAsking) setTimeout(() => this.ask(), wait);
    }

    async ask() {
        this.isWaiting = false;
        if (document.hidden || isStill()) return;
        this.askedAt = performance.now();
        this.isAsking = true;
        let retryAfter = 0;
        try {
            retryAfter = await this.show();
        } finally {
            const isDue = this.isWaiting;
            this.isAsking = this.isWaiting = false;
            if (retryAfter) this.touch(retryAfter);
            else if (isDue) this.touch();
        }
    }

    /** Ask once, and show the answer. Returns after how long to ask again if there was none. What is
     * refused (4xx) would be refused again: it waits for the next change. */
    async show() {
        const { askedAt } = this;
        const { address, show } = this.prepare();
        let found;
        try {
            const answer = await fetch(address, { headers: { Accept: "application/json" } });
            if (!answer.ok) return answer.status >= 500 ? RETRY_MS : 0;
            found = await answer.json();
        } catch (error) {
            if (error instanceof TypeError || error instanceof SyntaxError) return RETRY_MS;
            throw error;
        }
        if (isStill()) return 0;
        for (const part of this.parts) part.catchUp(askedAt);
        show(found);
        return 0;
    }
}

/** Whether nothing new is to be shown. */
function isStill() {
    const topics = liveTopics();
    return Boolean(topics?.isPaused || topics?.isOver);
}
