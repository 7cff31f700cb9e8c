/** A tab whose clock and socket the test moves. */

import { LiveTopics } from "../../../../static/dashboard/live.js";

export const T0 = Date.parse("2026-11-28T03:00:00.000Z");
export const at = (seconds) => new Date(T0 + seconds * 1000).toISOString();

export class Tab {
    constructor({ drawnAt = NaN, isGreeted = true } = {}) {
        this.sent = [];
        this.opened = [];
        this.local = 0;
        this.socket = {
            connection: "open",
            listen: (listener) => { this.listener = listener; },
            open: (topics) => this.opened.push(topics),
            close: () => { this.socket.connection = "closed"; },
            watch: () => {},
            send: (message) => this.sent.push(message),
        };
        this.topics = new LiveTopics(this.socket, { now: () => this.local, drawnAt });
        if (isGreeted) this.listener.received({ kind: "hello", at: at(0) });
    }

    snapshot(seq, data, fields = {}) {
        this.listener.received({ kind: "snapshot", topic: "tasks", epoch: 1, seq, at: at(0), data, ...fields });
    }

    /** The topic was read just now. */
    beat() {
        const now = at(this.local / 1000);
        this.listener.received({ kind: "heartbeat", at: now, topics: { tasks: now } });
    }

    change(since, seq, set, fields = {}) {
        const data = { set, remove: [] };
        this.listener.received({ kind: "change", topic: "tasks", epoch: 1, since, seq, at: at(0), data, ...fields });
    }
}
