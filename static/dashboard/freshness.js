/** How old data is, and what the chip says of it. Pure functions of times in milliseconds. */

const STALE_MS = 3000;
// Polled data is at most this old while polling works.
const POLLED_STALE_MS = 15000;

export const LABELS = {
    live: "Live",
    delayed: "Delayed",
    polling: "Polling",
    paused: "Paused",
    disconnected: "Disconnected",
};

/**
 * The server's time, by its heartbeats and a clock that nobody sets. A message may be late, so that
 * the latest time that was heard counts, never an earlier one.
 */
export class ServerClock {
    constructor() {
        this.server = null;
        this.local = 0;
    }

    hear(server, local) {
        if (!Number.isFinite(server)) return;
        if (this.server === null || server > this.at(local)) {
            this.server = server;
            this.local = local;
        }
    }

    /** The server's time at a time of the local clock; NaN before the first message. */
    at(local) {
        return this.server === null ? NaN : this.server + (local - this.local);
    }
}

/**
 * What the chip shows. `connection` is that of LiveSocket; `ages` are those of what the page shows,
 * NaN for an unknown one. The oldest counts.
 */
export function judge({ connection, isPaused, ages }) {
    const age = oldest(ages);
    const isOld = !(age <= STALE_MS);
    // The first connection takes a moment: the page has just been drawn.
    if (connection === "connecting" && !isOld) return { status: "live", age, isStale: false };
    if (isPaused) return { status: "paused", age, isStale: false };
    if (connection === "open") {
        return { status: isOld ? "delayed" : "live", age, isStale: isOld };
    }
    if (connection === "polling" && age <= POLLED_STALE_MS) {
        return { status: "polling", age, isStale: false };
    }
    return { status: "disconnected", age, isStale: isOld };
}

function oldest(ages) {
    let found = ages.length ? -Infinity : NaN;
    for (const age of ages) {
        if (Number.isNaN(age)) return NaN;
        found = Math.max(found, age);
    }
    return found;
}

/** How long to wait before the next try: 1 to 30 s, each time twice as long, with some jitter. */
export function retryDelay(failures, random) {
    const full = Math.min(30000, 1000 * 2 ** Math.max(0, failures - 1));
    return full * (0.7 + 0.3 * random);
}
