/**
 * A part of a page that asks the server itself when topics say that something has changed: at most
 * once a period, and not while the page is hidden or paused. `prepare` gives the address and what is
 * done with the answer.
 */

import { liveTopics, subscribe } from "./live.js";

export const PERIOD_MS = 2000;
const RETRY_MS = 5000;

export class Asking {
    /** `topics`: those that are followed; the parts say on the chip how old the figures are. */
    constructor(topics, prepare) {
        this.prepare = prepare;
        this.askedAt = 0;
        this.isWaiting = false;
        this.parts = topics.map((topic) => {
            const part = liveTopics().makePart(topic);
            subscribe(topic, () => {
                part.fallBehind();
                this.touch();
            });
            return part;
        });
    }

    /** Something has changed: ask, but not more often than once a period. */
    touch(wait = Math.max(0, this.askedAt + PERIOD_MS - performance.now())) {
        if (this.isWaiting) return;
        this.isWaiting = true;
        setTimeout(() => this.ask(), wait);
    }

    /** What is refused (4xx) would be refused again: it waits for the next change. */
    async ask() {
        this.isWaiting = false;
        this.askedAt = performance.now();
        if (document.hidden || liveTopics()?.isPaused) return;
        const { address, show } = this.prepare();
        let found;
        try {
            const answer = await fetch(address, { headers: { Accept: "application/json" } });
            if (!answer.ok) {
                if (answer.status >= 500) this.touch(RETRY_MS);
                return;
            }
            found = await answer.json();
        } catch (error) {
            if (error instanceof TypeError || error instanceof SyntaxError) return this.touch(RETRY_MS);
            throw error;
        }
        for (const part of this.parts) part.catchUp(this.askedAt);
        show(found);
    }
}
