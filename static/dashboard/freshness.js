/** How old data is, and what the chip says of it. Pure functions of times in milliseconds. */

const STALE_MS = 3000;
// Polled data is at most this old while polling works.
const POLLED_STALE_MS = 15000;
const WINDOW_MS = 120000;

const FRESH = new Map([["open", "live"], ["polling", "polling"]]);

export const LABELS = {
    live: "Live",
    delayed: "Delayed",
    polling: "Polling",
    paused: "Paused",
    disconnected: "Disconnected",
    over: "Not live",
};

/**
 * The server's time, by its heartbeats and a clock that nobody sets. A message may be late, and a late
 * one must not make old data look fresh, so that the message with the shortest way counts: the one by
 * which the server is furthest ahead. That of this window and of the one before: the server's clock
 * may be set back, and the two clocks never run at exactly the same speed.
 */
export class ServerClock {
    constructor() {
        this.begin();
    }

    /** Another connection may lead to a process whose clock is behind: only what it says counts. */
    begin() {
        this.ahead = this.aheadBefore = -Infinity;
        this.windowFrom = -Infinity;
    }

    hear(server, local) {
        if (!Number.isFinite(server)) return;
        if (local - this.windowFrom >= WINDOW_MS) {
            this.aheadBefore = this.ahead;
            this.ahead = -Infinity;
            this.windowFrom = local;
        }
        this.ahead = Math.max(this.ahead, server - local);
    }

    /** The server's time at a time of the local clock; NaN before the first message. */
    at(local) {
        const ahead = Math.max(this.ahead, this.aheadBefore);
        return ahead === -Infinity ? NaN : local + ahead;
    }
}

/**
 * What the chip shows. `connection` is that of LiveSocket; `ages` are those of what the page shows,
 * NaN for an unknown one. The oldest counts.
 */
export function judge({ connection, isPaused, ages }) {
    const age = oldest(ages);
    const isStale = !(age <= (connection === "polling" ? POLLED_STALE_MS : STALE_MS));
    return { status: statusOf(connection, isPaused, isStale), age, isStale };
}

function statusOf(connection, isPaused, isStale) {
    // The first connection takes a moment: the page has just been drawn.
    if (connection === "connecting" && !isStale) return "live";
    if (isPaused) return "paused";
    if (!FRESH.has(connection)) return "disconnected";
    return isStale ? "delayed" : FRESH.get(connection);
}

/** Whether the data is kept up to date, by a socket or by polling. */
export function isKeptUp(found) {
    return found?.status === "live" || found?.status === "polling";
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
