/** The socket of a tab: it opens again when it is lost, and polls while it cannot be opened. */

import { retryDelay } from "./freshness.js";

export const POLL_MS = 10000;
// Shorter than the time between two rounds, which must not overlap.
const ANSWER_MS = 5000;
const POLL_AFTER_FAILURES = 3;
const NO_IDENTITY = 4401;
export const FORBIDDEN = 4403;
// Who we are was refused: asking again gives the same answer.
const FINAL_CODES = new Set([NO_IDENTITY, FORBIDDEN]);
const ANSWERS = new Set([200, 403, 404]);
// What is lost without a word is noticed by the heartbeats, which come each second or two.
const SILENT_MS = 10000;

export class LiveSocket {
    /**
     * `connection` is connecting (the first time), open, closed, polling or ended. `isIdle`: nothing
     * is to be received.
     */
    constructor({ path, workspace, open = openSocket, fetch = fetchJson, random = Math.random }) {
        this.path = path;
        this.workspace = workspace;
        this.openSocket = open;
        this.fetch = fetch;
        this.random = random;
        this.connection = "closed";
        this.isIdle = false;
        this.failures = 0;
        this.socket = null;
        this.topics = [];
        this.timers = {};
    }

    /** {opened(), received(message), ended(reason, code)} */
    listen(listener) {
        this.listener = listener;
    }

    /** Be connected from now on; `topics` are what is polled in the meantime. */
    open(topics) {
        this.watch(topics);
        if (this.socket || this.timers.retry || this.connection === "ended") return;
        this.connect();
    }

    watch(topics) {
        this.topics = topics;
    }

    /** Be disconnected until the next open. */
    close() {
        for (const timer of Object.values(this.timers)) clearTimeout(timer);
        this.timers = {};
        const socket = this.socket;
        this.socket = null;
        if (this.connection !== "ended") this.connection = "closed";
        socket?.close(1000);
    }

    send(message) {
        if (this.connection !== "open") return;
        this.socket.send(JSON.stringify(message));
        this.listenForSilence();
    }

    connect() {
        this.timers.retry = null;
        if (!this.failures && this.connection === "closed") this.connection = "connecting";
        const socket = this.openSocket(this.path);
        this.socket = socket;
        socket.onopen = () => {
            const named = this.workspace ? { workspace: this.workspace } : {};
            socket.send(JSON.stringify({ ...named, subscribe: [] }));
            this.listenForSilence();
        };
        socket.onmessage = (event) => {
            if (socket === this.socket) this.receive(JSON.parse(event.data));
        };
        socket.onclose = (event) => {
            if (socket === this.socket) this.lose(event.code, event.reason);
        };
    }

    receive(message) {
        this.listenForSilence();
        if (message.kind === "hello") {
            this.failures = 0;
            this.connection = "open";
            clearTimeout(this.timers.poll);
            this.timers.poll = null;
            this.listener.opened();
        }
        this.listener.received(message);
    }

    lose(code, reason) {
        this.socket = null;
        clearTimeout(this.timers.silence);
        if (FINAL_CODES.has(code)) {
            this.end(reason, code);
            return;
        }
        this.failures += 1;
        if (this.connection !== "polling") this.connection = "closed";
        this.timers.retry = setTimeout(
            () => this.connect(), retryDelay(this.failures, this.random()),
        );
        if (this.failures >= POLL_AFTER_FAILURES && !this.timers.poll) this.poll();
    }

    end(reason, code) {
        this.close();
        this.connection = "ended";
        this.listener.ended(reason, code);
    }

    listenForSilence() {
        clearTimeout(this.timers.silence);
        const socket = this.socket;
        this.timers.silence = setTimeout(() => {
            // Who watches nothing is sent nothing.
            if (socket !== this.socket || this.isIdle) return;
            socket.close();
            this.lose(1006, "");
        }, SILENT_MS);
    }

    /** The same snapshots by plain requests, until the socket is open again. */
    async poll() {
        this.timers.poll = setTimeout(() => this.poll(), POLL_MS);
        if (this.isIdle) return;
        // One that fails or hangs keeps none of the others from being asked, and grows old by itself.
        const answered = await Promise.all(this.topics.map((topic) => this.pollTopic(topic)));
        if (this.timers.poll) this.connection = answered.includes(true) ? "polling" : "closed";
    }

    /** Whether the server has answered. */
    async pollTopic(topic) {
        let answer;
        try {
            answer = await this.ask(topic);
        } catch {
            return false;
        }
        return Boolean(this.timers.poll) && this.takePolled(topic, answer);
    }

    /** A topic by a plain request, in which the workspace is a header. */
    ask(topic) {
        const [, named, name] = topic.match(/^(?:([^/:]*)\/)?(.*)$/s);
        const workspace = named || this.workspace;
        const headers = workspace ? { "X-Workspace": workspace } : {};
        return this.fetch(this.path.replace(/ws\/live$/, "live/") + encodeURIComponent(name), headers);
    }

    takePolled(topic, { status, message }) {
        if (status === 401) {
            this.end("You are not logged in any more.", NO_IDENTITY);
        } else if (status === 403) {
            this.listener.received({ kind: "error", topic, code: FORBIDDEN, message: "" });
        } else if (status === 404) {
            this.listener.received({ kind: "gone", topic });
        } else if (status === 200) {
            this.connection = "polling";
            this.listener.received({ ...message, topic });
        }
        return ANSWERS.has(status);
    }
}

function openSocket(path) {
    const url = new URL(path, window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return new WebSocket(url);
}

async function fetchJson(path, headers) {
    const response = await fetch(path, {
        headers: { ...headers, Accept: "application/json" },
        credentials: "same-origin",
        signal: AbortSignal.timeout(ANSWER_MS),
    });
    // A page in HTML is the answer of something before the app, such as a proxy.
    const isOurs = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
    if (!isOurs) return { status: 0, message: null };
    return { status: response.status, message: response.ok ? await response.json() : null };
}
