import assert from "node:assert/strict";
import test from "node:test";

import { ServerClock, isKeptUp, judge, retryDelay } from "../../../../static/dashboard/freshness.js";

test("the oldest topic counts", () => {
    const states = [
        [{ connection: "open", isPaused: false, ages: [100, 4000] }, "delayed"],
        [{ connection: "open", isPaused: false, ages: [100, NaN] }, "delayed"],
        [{ connection: "open", isPaused: true, ages: [100, 4000] }, "paused"],
        [{ connection: "polling", isPaused: false, ages: [9000] }, "polling"],
        [{ connection: "polling", isPaused: false, ages: [9000, 16000] }, "delayed"],
        [{ connection: "closed", isPaused: false, ages: [100] }, "disconnected"],
        [{ connection: "connecting", isPaused: false, ages: [100] }, "live"],
        [{ connection: "connecting", isPaused: false, ages: [3100] }, "disconnected"],
    ];
    for (const [state, status] of states) assert.equal(judge(state).status, status);
});

test("what is old is grey, no matter who stopped it", () => {
    const states = [
        [{ connection: "open", isPaused: true, ages: [2900] }, false],
        [{ connection: "open", isPaused: true, ages: [3100] }, true],
        [{ connection: "polling", isPaused: true, ages: [14900] }, false],
        [{ connection: "polling", isPaused: true, ages: [15100] }, true],
        [{ connection: "closed", isPaused: true, ages: [3100] }, true],
        [{ connection: "closed", isPaused: false, ages: [3100] }, true],
    ];
    for (const [state, isStale] of states) assert.equal(judge(state).isStale, isStale);
});

test("times follow the clock beside what is kept up to date", () => {
    const kept = ["live", "delayed", "polling", "paused", "disconnected", "over"].filter((status) => isKeptUp({ status }));
    assert.deepEqual(kept, ["live", "polling"]);
    assert.equal(isKeptUp(null), false);
});

test("a message that comes late does not set the server's clock back", () => {
    const clock = new ServerClock();
    assert.ok(Number.isNaN(clock.at(5)));
    clock.hear(1000, 0);
    clock.hear(1500, 2000);
    assert.equal(clock.at(2000), 3000);
    // Not in the next window either, in which every message is late so far.
    clock.hear(119000, 120000);
    assert.equal(clock.at(120000), 121000);
    clock.hear(NaN, 120000);
    assert.equal(clock.at(120000), 121000);
});

test("a message that comes sooner than those before sets the clock forward", () => {
    const clock = new ServerClock();
    clock.hear(1000, 0);
    clock.hear(9000, 2000);
    assert.equal(clock.at(2500), 9500);
});

// A clock that only went forward left a page grey for good in these three cases: everything that was
// read later was from before the time that it took for the present one.

test("a server's clock that is set back is followed after two windows", () => {
    const clock = new ServerClock();
    for (let local = 0; local <= 600000; local += 1000) clock.hear(local + (local < 60000 ? 5000 : 0), local);
    assert.equal(clock.at(600000), 600000);
});

test("a browser's clock that runs fast moves the server's time by no more than two windows of it", () => {
    const clock = new ServerClock();
    const hours = 40;
    const fast = 1.00002;
    for (let second = 0; second <= hours * 3600; second += 2) clock.hear(second * 1000, second * 1000 * fast);
    const end = hours * 3600 * 1000;
    const error = clock.at(end * fast) - end;
    assert.ok(error >= 0 && error < 10, String(error));
});

test("another connection begins another estimate", () => {
    const clock = new ServerClock();
    clock.hear(9000, 0);
    clock.begin();
    assert.ok(Number.isNaN(clock.at(100)));
    clock.hear(4000, 100);
    assert.equal(clock.at(200), 4100);
});

test("the tries come after 1 to 30 seconds, with jitter", () => {
    assert.deepEqual([1, 2, 3, 6, 60].map((n) => retryDelay(n, 1)), [1000, 2000, 4000, 30000, 30000]);
    assert.equal(retryDelay(1, 0), 700);
});
