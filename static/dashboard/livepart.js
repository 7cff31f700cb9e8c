/**
 * A part of the page that asks the server itself when a topic changes. Between the change and the
 * answer the page is older than its topics, and the chip counts this part's age.
 */
export class LivePart {
    constructor(topics, topic) {
        this.topics = topics;
        this.topic = topic;
        this.shownAt = 0; // when the page or the newest answer was asked for
        this.newsAt = 0;
        this.oldSince = null;
        topics.parts.add(this);
    }

    /** The topic has changed. What is shown may be as old as the topic was. */
    fallBehind() {
        this.newsAt = this.topics.now();
        const before = this.newsAt - 1000 * this.topics.periodOf(this.topic);
        this.oldSince ??= Math.max(this.shownAt, before);
    }

    /** What was asked for at that time is shown now. */
    catchUp(askedAt) {
        this.shownAt = askedAt;
        this.oldSince = this.newsAt > askedAt ? askedAt : null;
    }

    get age() {
        return this.oldSince === null ? 0 : this.topics.now() - this.oldSince;
    }
}
