/**
 * A part of the page that asks the server itself when a topic changes. Between the change and the
 * answer the page is older than its topics, and the chip counts this part's age. A part without a
 * topic is asked for all the time, and is as old as its newest answer.
 */
export class LivePart {
    constructor(topics, topic) {
        this.topics = topics;
        this.topic = topic;
        this.shownAt = 0; // when the page or the newest answer was asked for
        this.newsAt = 0;
        this.sleptAt = -Infinity;
        this.oldSince = null;
        topics.parts.add(this);
    }

    /** The topic has changed: what is shown was right as long as the topic was followed. */
    fallBehind() {
        this.newsAt = this.topics.now();
        this.oldSince ??= Math.max(this.shownAt, this.topics.followedUntil(this.topic));
    }

    /** What was asked for at that time is shown now. */
    catchUp(askedAt) {
        this.shownAt = askedAt < this.sleptAt ? -Infinity : askedAt;
        this.oldSince = this.newsAt > askedAt ? this.shownAt : null;
    }

    /** The clock stood still: what is old may be older than it says. */
    forgetAge() {
        this.sleptAt = this.topics.now();
        this.shownAt = -Infinity;
        if (this.oldSince !== null) this.oldSince = -Infinity;
    }

    get age() {
        const since = this.topic === null ? this.shownAt : this.oldSince;
        return since === null ? 0 : this.topics.now() - since;
    }
}
