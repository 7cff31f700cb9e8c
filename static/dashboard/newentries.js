/**
 * Entries of a filtered list that have come since the page was drawn. Topics say that there may be
 * some; the server counts those that match the list, and a reload shows them:
 *
 *     <a href="..." data-newer="<where they are counted>" data-topics="payments/audit" hidden></a>
 */

import { announce, put } from "./dom.js";
import { liveTopics, subscribe } from "./live.js";

const PERIOD_MS = 2000;
const RETRY_MS = 5000;
const MAX_NEWER = 99;

class NewEntries {
    constructor(link) {
        this.link = link;
        this.askedAt = 0;
        this.isWaiting = false;
        this.parts = link.dataset.topics.split(" ").map((topic) => {
            const part = liveTopics().makePart(topic);
            subscribe(topic, () => {
                part.fallBehind();
                this.touch();
            });
            return part;
        });
    }

    /** Something has come: ask, but not more often than once a period. */
    touch(wait = Math.max(0, this.askedAt + PERIOD_MS - performance.now())) {
        if (this.isWaiting) return;
        this.isWaiting = true;
        setTimeout(() => this.ask(), wait);
    }

    async ask() {
        this.isWaiting = false;
        this.askedAt = performance.now();
        if (document.hidden || liveTopics().isPaused) return;
        try {
            const answer = await fetch(this.link.dataset.newer, { headers: { Accept: "application/json" } });
            if (!answer.ok) return this.touch(RETRY_MS);
            this.show((await answer.json()).newer);
        } catch (error) {
            if (error instanceof TypeError || error instanceof SyntaxError) return this.touch(RETRY_MS);
            throw error;
        }
        for (const part of this.parts) part.catchUp(this.askedAt);
    }

    show(count) {
        const wasHidden = this.link.hidden;
        this.link.hidden = count === 0;
        if (count) put(this.link, `${count > MAX_NEWER ? `${MAX_NEWER}+` : count} new, show`);
        if (wasHidden && count) announce("There are new entries");
    }
}

for (const link of document.querySelectorAll("[data-newer]")) new NewEntries(link);
