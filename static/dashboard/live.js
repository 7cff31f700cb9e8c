/**
 * Live topics: one socket per tab. docs/live.md has the protocol.
 *
 *     subscribe("queues", (snapshot) => draw(snapshot), (snapshot, change) => patch(snapshot, change));
 *
 * A topic of another workspace than that of the page has its name in front: "payments/queues".
 * Figures of a page need no code: see bind.js.
 */

import { applyChange } from "./changes.js";
import { LivePart } from "./livepart.js";
import { LiveSocket } from "./livesocket.js";
import { ServerClock, judge } from "./freshness.js";

const HIDDEN_CLOSE_MS = 30000;
// Data that is still older than the page is shown after all: two machines have different times.
const MAX_HELD_MS = 10000;

/**
 * What a tab watches. `socket` is a LiveSocket or a stand-in for tests; `drawnAt` is when the server
 * drew the page, NaN if it did not say so: data from before that time is not shown.
 */
export class LiveTopics {
    constructor(socket, { now = () => performance.now(), drawnAt = NaN } = {}) {
        this.socket = socket;
        this.now = now;
        this.drawnAt = drawnAt;
        this.clock = new ServerClock();
        this.topics = new Map();
        this.parts = new Set();
        this.watchers = new Set();
        this.isPaused = false;
        this.isHidden = false;
        this.isOver = false;
        this.wasGreeted = false; // by a server that has accepted the address and the person
        this.refusals = 0;
        this.hiddenTimer = null;
        this.endReason = "";
        socket.listen({
            opened: () => this.sendSubscriptions(),
            received: (message) => this.receive(message),
            ended: (reason, code) => this.takeEnd(reason, code),
        });
    }

    /** Watch a topic; returns a function that stops it. Without onChange, onSnapshot gets all. */
    subscribe(topic, onSnapshot, onChange = null) {
        const handler = { onSnapshot, onChange };
        let entry = this.topics.get(topic);
        if (!entry) {
            // Before the first message, what is shown is as old as the page.
            const since = Number.isNaN(this.serverTime()) ? 0 : this.now();
            entry = { handlers: new Set(), since, at: NaN, atBefore: NaN, isWaiting: true, isHeld: false };
            this.topics.set(topic, entry);
            if (this.isWatching()) this.socket.send({ subscribe: [topic] });
        }
        entry.handlers.add(handler);
        if (!this.isHidden) this.socket.open([...this.topics.keys()]);
        if (entry.snapshot && !entry.isHeld) call(onSnapshot, entry.snapshot);
        return () => this.unsubscribe(topic, handler);
    }

    unsubscribe(topic, handler) {
        const entry = this.topics.get(topic);
        if (!entry?.handlers.delete(handler) || entry.handlers.size) return;
        this.topics.delete(topic);
        this.socket.watch([...this.topics.keys()]);
        if (this.isWatching()) this.socket.send({ unsubscribe: [topic] });
    }

    /** Nothing is applied until resume. */
    pause() {
        if (this.isPaused) return;
        this.isPaused = true;
        this.leave();
    }

    resume() {
        this.isPaused = false;
        this.sendSubscriptions();
    }

    /** A hidden tab receives nothing, and after half a minute has no socket. */
    hide() {
        if (this.isHidden) return;
        this.isHidden = true;
        this.leave();
        this.hiddenTimer = setTimeout(() => this.socket.close(), HIDDEN_CLOSE_MS);
    }

    show() {
        if (!this.isHidden) return;
        this.isHidden = false;
        clearTimeout(this.hiddenTimer);
        if (this.topics.size) this.socket.open([...this.topics.keys()]);
        this.sendSubscriptions();
    }

    /** What the page is about is gone: the page is not live, whatever else it follows. */
    finish(reason) {
        this.isOver = true;
        this.endReason = reason;
        this.parts.clear();
    }

    /** {status, age, isStale} for the chip; null when the page watches nothing. */
    freshness() {
        const isAsking = [...this.parts].some((part) => part.topic === null);
        const hasNone = !this.topics.size && !isAsking;
        if (hasNone && this.refusals) return { status: "over", age: NaN, isStale: true };
        if (hasNone && !this.isOver) return null;
        // What only asks by itself needs no socket.
        const connection = this.topics.size ? this.socket.connection : "open";
        const ages = [...this.topics.values()].map((entry) => this.ageOf(entry));
        for (const part of this.parts) ages.push(part.age);
        const found = judge({ connection, isPaused: this.isPaused, ages });
        return this.isOver ? { ...found, status: "over" } : found;
    }

    /** For a part of the page that asks the server itself when the topic changes; null: all the time. */
    makePart(topic) {
        return new LivePart(this, topic);
    }

    /** The local time of the read before the newest news of a topic. Until then nothing was missed; a
     * pause, a hidden tab or a lost socket may lie between the two. -Infinity if it is unknown. */
    followedUntil(topic) {
        const age = this.serverTime() - (this.topics.get(topic)?.atBefore ?? NaN);
        return Number.isNaN(age) ? -Infinity : this.now() - Math.max(0, age);
    }

    /** The clock stood still, as in a computer that slept: nothing is known to be fresh. */
    forgetAges() {
        for (const entry of this.topics.values()) entry.at = -Infinity;
        for (const part of this.parts) part.forgetAge();
    }

    /** Another process answers, perhaps by another clock. What is shown becomes no younger by that. */
    beginClock(at) {
        const before = this.serverTime();
        this.clock.begin();
        this.clock.hear(at, this.now());
        const shift = this.serverTime() - before;
        if (Number.isNaN(shift)) return;
        for (const entry of this.topics.values()) entry.at += shift;
    }

    /** The server's time in milliseconds since 1970; NaN before it was heard. */
    serverTime() {
        return this.clock.at(this.now());
    }

    ageOf(entry) {
        const age = this.serverTime() - (entry.isHeld ? this.drawnAt : entry.at);
        return Number.isNaN(age) ? this.now() - entry.since : Math.max(0, age);
    }

    isWatching() {
        return this.socket.connection === "open" && !this.isPaused && !this.isHidden;
    }

    leave() {
        this.socket.isIdle = true;
        if (this.topics.size) this.socket.send({ unsubscribe: [...this.topics.keys()] });
    }

    sendSubscriptions() {
        this.socket.isIdle = this.isPaused || this.isHidden;
        if (!this.isWatching() || !this.topics.size) return;
        for (const entry of this.topics.values()) entry.isWaiting = true;
        this.socket.send({ subscribe: [...this.topics.keys()] });
    }

    receive(message) {
        if (message.kind === "hello") this.wasGreeted = true;
        if (message.at && message.kind === "hello") this.beginClock(Date.parse(message.at));
        if (message.at && message.kind === "heartbeat") this.clock.hear(Date.parse(message.at), this.now());
        if (this.isPaused || this.isHidden) return;
        if (message.kind === "heartbeat") {
            for (const [topic, at] of Object.entries(message.topics)) this.hearAge(topic, at);
        } else if (message.kind === "snapshot") {
            this.takeSnapshot(message);
        } else if (message.kind === "change") {
            this.takeChange(message);
        } else if (message.kind === "gone" || (message.kind === "error" && message.topic)) {
            this.takeRefusal(message);
        }
    }

    hearAge(topic, at) {
        const entry = this.topics.get(topic);
        // Until the snapshot that was asked for comes, what is shown is not what was read then.
        if (!entry?.snapshot || entry.isWaiting || !at) return;
        entry.at = Date.parse(at);
        if (entry.isHeld) this.showSnapshot(entry);
    }

    takeSnapshot(message) {
        const entry = this.topics.get(message.topic);
        if (!entry) return;
        entry.isWaiting = false;
        this.keep(entry, message, message.data);
        this.showSnapshot(entry);
    }

    /** Unless it is older than the page. Then it is kept, for the changes that build on it, and shown
     * once it is confirmed, or with the next change. */
    showSnapshot(entry) {
        entry.isHeld = entry.at < this.drawnAt && this.now() < MAX_HELD_MS;
        if (entry.isHeld) return;
        for (const handler of entry.handlers) call(handler.onSnapshot, entry.snapshot);
    }

    takeChange(message) {
        const entry = this.topics.get(message.topic);
        if (!entry || entry.isWaiting) return;
        if (entry.epoch !== message.epoch || entry.seq !== message.since) {
            // Something was missed.
            entry.isWaiting = true;
            this.socket.send({ subscribe: [message.topic] });
            return;
        }
        this.keep(entry, message, applyChange(entry.snapshot, message.data));
        if (entry.isHeld) {
            this.showSnapshot(entry);
            return;
        }
        for (const { onSnapshot, onChange } of entry.handlers) {
            if (onChange) call(onChange, entry.snapshot, message.data);
            else call(onSnapshot, entry.snapshot);
        }
    }

    keep(entry, message, snapshot) {
        entry.snapshot = snapshot;
        entry.epoch = message.epoch;
        entry.seq = message.seq;
        entry.atBefore = entry.at;
        entry.at = Date.parse(message.at);
        // A polled message has no heartbeat before it.
        this.clock.hear(entry.at, this.now());
    }

    /** The topic is not there, or not for this person: its values stay, and are not late. */
    takeRefusal(message) {
        const entry = this.topics.get(message.topic);
        if (!entry) return;
        this.topics.delete(message.topic);
        this.socket.watch([...this.topics.keys()]);
        this.refusals += 1;
        this.reportRefusal(message);
    }

    /** The socket does not open again: no topic can be watched any more. One that was refused at once
     * says nothing of them: its address is not served, such as behind a proxy. */
    takeEnd(reason, code) {
        this.endReason = reason;
        if (!this.wasGreeted) return;
        for (const topic of this.topics.keys()) {
            this.reportRefusal({ topic, kind: "error", code, message: reason });
        }
    }

    reportRefusal(message) {
        for (const watcher of this.watchers) call(watcher, message);
    }

    /** Call this with {topic, kind, code, message} when a topic cannot be watched any more. */
    onRefusal(watcher) {
        this.watchers.add(watcher);
    }
}

/** An error in one part of a page is reported, and stops no other part. */
function call(handler, ...values) {
    try {
        handler(...values);
    } catch (error) {
        queueMicrotask(() => { throw error; });
    }
}

let shared = null;

/** The topics of this tab, null on a page without live updates. */
export function liveTopics() {
    if (shared) return shared;
    const root = document.querySelector("meta[name='taskplane-root']");
    if (!root) return null;
    const socket = new LiveSocket({
        path: `${root.content}ws/live`,
        // That of topics without a workspace in front.
        workspace: document.querySelector("[data-workspace]")?.dataset.workspace ?? "",
    });
    const drawnAt = Date.parse(document.querySelector("[data-drawn-at]")?.dataset.drawnAt);
    shared = new LiveTopics(socket, { drawnAt });
    const follow = () => (document.hidden ? shared.hide() : shared.show());
    follow(); // a tab that was opened in the background gets no event before it is shown
    document.addEventListener("visibilitychange", follow);
    window.addEventListener("pagehide", () => { shared.hide(); socket.close(); });
    window.addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
    return shared;
}

/** Watch a topic in this tab; returns a function that stops it. */
export function subscribe(topic, onSnapshot, onChange = null) {
    return liveTopics()?.subscribe(topic, onSnapshot, onChange) ?? (() => {});
}
