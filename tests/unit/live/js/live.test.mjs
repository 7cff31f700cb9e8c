import assert from "node:assert/strict";
import test from "node:test";

import { ServerClock, judge, retryDelay } from "../../../../static/dashboard/freshness.js";
import { LiveTopics } from "../../../../static/dashboard/live.js";
import { LiveSocket } from "../../../../static/dashboard/livesocket.js";
import { addUp, readFigure } from "../../../../static/dashboard/counts.js";
import { countFresh } from "../../../../static/dashboard/newrows.js";

const T0 = Date.parse("2026-11-28T03:00:00.000Z");
const at = (seconds) => new Date(T0 + seconds * 1000).toISOString();

/** A tab whose clock and socket the test moves. */
class Tab {
    constructor({ drawnAt = NaN } = {}) {
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
        this.listener.received({ kind: "hello", at: at(0) });
    }

    snapshot(seq, data, fields = {}) {
        this.listener.received({ kind: "snapshot", topic: "tasks", epoch: 1, seq, at: at(0), data, ...fields });
    }

    change(since, seq, set, fields = {}) {
        const data = { set, remove: [] };
        this.listener.received({ kind: "change", topic: "tasks", epoch: 1, since, seq, at: at(0), data, ...fields });
    }
}

test("changes are applied in order, and a gap asks for a snapshot once", () => {
    const tab = new Tab();
    const seen = [];
    tab.topics.subscribe("tasks", (snapshot) => seen.push(snapshot.n));
    tab.snapshot(1, { n: 1 });
    tab.change(1, 2, { n: 2 });
    tab.sent.length = 0;
    tab.change(3, 4, { n: 4 });
    tab.change(4, 5, { n: 5 });
    assert.deepEqual(tab.sent, [{ subscribe: ["tasks"] }]);
    tab.snapshot(5, { n: 5 });
    tab.change(5, 6, { n: 6 }, { epoch: 2 });
    assert.deepEqual(seen, [1, 2, 5]);
    assert.deepEqual(tab.sent.length, 2);
});

test("a merged change applies to what it names", () => {
    const tab = new Tab();
    const seen = [];
    tab.topics.subscribe("tasks", () => {}, (snapshot, change) => seen.push([snapshot.n, change.set]));
    tab.snapshot(3, { n: 3 });
    tab.change(3, 9, { n: 9 });
    assert.deepEqual(seen, [[9, { n: 9 }]]);
});

test("nothing is applied while paused, and all is there afterwards", () => {
    const tab = new Tab();
    const seen = [];
    tab.topics.subscribe("tasks", (snapshot) => seen.push(snapshot.n));
    tab.snapshot(1, { n: 1 });
    tab.topics.pause();
    tab.change(1, 2, { n: 2 });
    tab.snapshot(2, { n: 2 });
    assert.deepEqual(seen, [1]);
    assert.equal(tab.topics.freshness().status, "paused");
    assert.deepEqual(tab.sent.at(-1), { unsubscribe: ["tasks"] });
    tab.topics.resume();
    assert.deepEqual(tab.sent.at(-1), { subscribe: ["tasks"] });
    tab.snapshot(2, { n: 2 });
    assert.deepEqual(seen, [1, 2]);
});

test("a hidden tab receives nothing and closes after half a minute", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const tab = new Tab();
    tab.topics.subscribe("tasks", () => assert.fail("nothing is drawn in a hidden tab"));
    tab.topics.hide();
    assert.deepEqual(tab.sent.at(-1), { unsubscribe: ["tasks"] });
    tab.snapshot(1, { n: 1 });
    context.mock.timers.tick(29000);
    assert.equal(tab.socket.connection, "open");
    context.mock.timers.tick(2000);
    assert.equal(tab.socket.connection, "closed");
});

test("a tab that begins hidden has no socket until it is shown", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const tab = new Tab();
    tab.socket.connection = "closed";
    tab.topics.hide();
    tab.topics.subscribe("tasks", () => {});
    context.mock.timers.tick(60000);
    assert.deepEqual([tab.opened, tab.sent], [[], []]);
    tab.topics.show();
    assert.deepEqual(tab.opened, [["tasks"]]);
    tab.socket.connection = "open";
    tab.listener.opened();
    assert.deepEqual(tab.sent, [{ subscribe: ["tasks"] }]);
});

test("an error in one part stops no other", async () => {
    const tab = new Tab();
    const seen = [];
    const errors = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => errors.push(error.message));
    tab.topics.subscribe("tasks", () => { throw new Error("broken panel"); });
    tab.topics.subscribe("tasks", (snapshot) => seen.push(snapshot.n));
    tab.snapshot(1, { n: 1 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const listener of listeners) process.on("uncaughtException", listener);
    assert.deepEqual([seen, errors], [[1], ["broken panel"]]);
});

test("the chip never says Live of data older than three seconds", () => {
    const tab = new Tab();
    tab.topics.subscribe("tasks", () => {});
    tab.snapshot(1, { n: 1 });
    tab.local = 2900;
    assert.deepEqual(tab.topics.freshness(), { status: "live", age: 2900, isStale: false });
    tab.local = 3100;
    assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 3100, isStale: true });
    tab.listener.received({ kind: "heartbeat", at: at(3.1), topics: { tasks: at(2.6) } });
    assert.equal(tab.topics.freshness().status, "live");
    // A heartbeat that was under way for ten seconds does not set the clock back.
    tab.local = 13100;
    tab.listener.received({ kind: "heartbeat", at: at(3.6), topics: { tasks: at(3.6) } });
    assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 9500, isStale: true });
});

test("the oldest topic counts", () => {
    const states = [
        [{ connection: "open", isPaused: false, ages: [100, 4000] }, "delayed"],
        [{ connection: "open", isPaused: false, ages: [100, NaN] }, "delayed"],
        [{ connection: "open", isPaused: true, ages: [100, 4000] }, "paused"],
        [{ connection: "polling", isPaused: false, ages: [9000] }, "polling"],
        [{ connection: "polling", isPaused: false, ages: [16000] }, "disconnected"],
        [{ connection: "closed", isPaused: false, ages: [100] }, "disconnected"],
        [{ connection: "connecting", isPaused: false, ages: [100] }, "live"],
        [{ connection: "connecting", isPaused: false, ages: [3100] }, "disconnected"],
    ];
    for (const [state, status] of states) assert.equal(judge(state).status, status);
});

/** A page that was drawn half a second after the data of its first snapshot was read. */
function makeDrawnTab() {
    const tab = new Tab({ drawnAt: T0 + 500 });
    const seen = [];
    tab.topics.subscribe("tasks", (snapshot) => seen.push(snapshot), () => seen.push("a change"));
    tab.snapshot(1, { n: 1, m: 1 });
    return { tab, seen };
}

test("a snapshot that is older than the page is shown with what changes later", () => {
    const { tab, seen } = makeDrawnTab();
    tab.topics.subscribe("tasks", (snapshot) => seen.push(snapshot));
    tab.change(1, 2, { n: 2 }, { at: at(0.4) });
    assert.deepEqual(seen, []);
    tab.change(2, 3, { m: 3 }, { at: at(1) });
    assert.deepEqual(seen, [{ n: 2, m: 3 }, { n: 2, m: 3 }]);
    tab.change(3, 4, { m: 4 }, { at: at(2) });
    assert.equal(seen[2], "a change");
    assert.deepEqual(tab.sent, [{ subscribe: ["tasks"] }]);
});

test("a snapshot that is older than the page is shown once it is confirmed", () => {
    const { tab, seen } = makeDrawnTab();
    const beat = (seconds) => tab.listener.received({ kind: "heartbeat", at: at(seconds), topics: { tasks: at(seconds) } });
    beat(0.4);
    assert.deepEqual(seen, []);
    beat(0.5);
    assert.deepEqual(seen, [{ n: 1, m: 1 }]);
    beat(1);
    assert.equal(seen.length, 1);
});

test("until then the chip counts the age of the page", () => {
    const { tab } = makeDrawnTab();
    tab.local = 3400;
    assert.deepEqual(tab.topics.freshness(), { status: "live", age: 2900, isStale: false });
    tab.local = 3600;
    assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 3100, isStale: true });
});

test("machines with different times do not keep a page from its figures", () => {
    const { tab, seen } = makeDrawnTab();
    tab.local = 10000;
    tab.change(1, 2, { n: 2 }, { at: at(0.1) });
    assert.deepEqual(seen, [{ n: 2, m: 1 }]);
});

test("a topic that is read more rarely may not be older", () => {
    const tab = new Tab();
    tab.topics.subscribe("tasks", () => {});
    tab.snapshot(1, { n: 1 }, { every: 5 });
    tab.local = 2900;
    assert.deepEqual(tab.topics.freshness(), { status: "live", age: 2900, isStale: false });
    tab.local = 3100;
    assert.equal(tab.topics.freshness().status, "delayed");
});

test("a part that has not shown the news of its topic is as old as it was before", () => {
    const tab = new Tab();
    tab.topics.subscribe("tasks", () => {});
    const part = tab.topics.makePart("tasks");
    const beat = () => tab.listener.received({ kind: "heartbeat", at: at(tab.local / 1000), topics: { tasks: at(tab.local / 1000) } });
    tab.snapshot(1, { n: 1 }, { every: 1 });
    tab.local = 10000;
    beat();
    part.fallBehind();
    tab.local = 11900;
    beat();
    assert.equal(tab.topics.freshness().age, 2900);
    assert.equal(tab.topics.freshness().status, "live");
    tab.local = 12100;
    beat();
    assert.equal(tab.topics.freshness().status, "delayed");
    part.catchUp(12000);
    assert.equal(tab.topics.freshness().status, "live");
    // News that came while the answer was under way are not in it.
    tab.local = 13000;
    part.fallBehind();
    part.catchUp(12500);
    tab.local = 15600;
    beat();
    assert.equal(tab.topics.freshness().status, "delayed");
});

test("what is shown before the first message is as old as the page", () => {
    const tab = new Tab();
    tab.topics.clock = new ServerClock();
    tab.local = 3100;
    tab.topics.subscribe("tasks", () => {});
    assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 3100, isStale: true });
});

test("after a sleep nothing is fresh until it is confirmed", () => {
    const tab = new Tab();
    tab.topics.subscribe("tasks", () => {});
    tab.snapshot(1, { n: 1 });
    tab.topics.forgetAges();
    assert.equal(tab.topics.freshness().status, "delayed");
    tab.listener.received({ kind: "heartbeat", at: at(0.5), topics: { tasks: at(0.5) } });
    assert.equal(tab.topics.freshness().status, "live");
});

test("a topic of another workspace is polled in that workspace", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const asked = [];
    const { socket, received } = makeSocket(async (path, headers) => {
        asked.push([path, headers]);
        return { status: 200, message: { kind: "snapshot", topic: "queues" } };
    });
    socket.watch(["third/queues", "task:a/b"]);
    await socket.poll();
    assert.deepEqual(asked, [
        ["/x/live/queues", { "X-Workspace": "third" }],
        ["/x/live/task%3Aa%2Fb", { "X-Workspace": "other" }],
    ]);
    assert.equal(received[0].topic, "third/queues");
    socket.close();
});

test("the server's clock only goes forward", () => {
    const clock = new ServerClock();
    assert.ok(Number.isNaN(clock.at(5)));
    clock.hear(1000, 0);
    clock.hear(1500, 2000);
    assert.equal(clock.at(2000), 3000);
    clock.hear(9000, 2000);
    assert.equal(clock.at(2500), 9500);
});

test("the tries come after 1 to 30 seconds, with jitter", () => {
    assert.deepEqual([1, 2, 3, 6, 60].map((n) => retryDelay(n, 1)), [1000, 2000, 4000, 30000, 30000]);
    assert.equal(retryDelay(1, 0), 700);
});

test("new rows are those that are not known", () => {
    assert.equal(countFresh(["e", "d", "c"], new Set(["c"])), 2);
    assert.equal(countFresh(["a"], new Set(["a", "b"])), 0);
});

test("a sum with an unknown part is unknown", () => {
    assert.equal(addUp([1, 2, 0]), 3);
    assert.equal(addUp([1, null]), null);
});

test("a figure is what is there without what is taken off", () => {
    const snapshot = { wrong: 3, by: { "workers.view_node": 2 } };
    assert.equal(readFigure(snapshot, "wrong", []), 3);
    assert.equal(readFigure(snapshot, "wrong", ["by/workers.view_node", "by/dlq.view_replay"]), 1);
    assert.equal(readFigure({}, "wrong", ["by/workers.view_node"]), null);
});

/** A LiveSocket whose sockets and requests the test answers. */
function makeSocket(fetch) {
    const opened = [];
    const received = [];
    const socket = new LiveSocket({
        path: "/x/ws/live",
        workspace: "other",
        open: () => {
            const made = { sent: [], send: (text) => made.sent.push(JSON.parse(text)), close: () => {} };
            opened.push(made);
            return made;
        },
        fetch,
        random: () => 1,
    });
    let reason = "";
    socket.listen({
        opened: () => received.push("opened"),
        received: (message) => received.push(message),
        ended: (text) => { reason = text; },
    });
    return { socket, opened, received, reason: () => reason };
}

function open(made) {
    made.onopen();
    made.onmessage({ data: JSON.stringify({ kind: "hello" }) });
}

test("after the third failure it polls, and stops when the socket is back", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const asked = [];
    const fetch = async (path, headers) => {
        asked.push([path, headers]);
        return { status: 200, message: { kind: "snapshot", topic: "task:1" } };
    };
    const { socket, opened, received } = makeSocket(fetch);
    socket.open(["task:1"]);
    open(opened[0]);
    assert.deepEqual(opened[0].sent, [{ workspace: "other", subscribe: [] }]);
    assert.equal(socket.connection, "open");
    const delays = [1000, 2000, 4000];
    opened[0].onclose({ code: 1006 });
    for (const [index, delay] of delays.entries()) {
        assert.equal(opened.length, index + 1);
        context.mock.timers.tick(delay);
        if (index < 2) opened.at(-1).onclose({ code: 1006 });
        await Promise.resolve();
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(asked, [["/x/live/task%3A1", { "X-Workspace": "other" }]]);
    assert.equal(socket.connection, "polling");
    open(opened.at(-1));
    assert.equal(socket.connection, "open");
    context.mock.timers.tick(60000);
    assert.equal(asked.length, 1);
    assert.equal(received.filter((each) => each === "opened").length, 2);
    socket.close();
});

test("who is refused does not ask again", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const { socket, opened, reason } = makeSocket(null);
    socket.open(["tasks"]);
    opened[0].onclose({ code: 4401, reason: "Log in." });
    context.mock.timers.tick(100000);
    assert.deepEqual([socket.connection, reason(), opened.length], ["ended", "Log in.", 1]);
});

test("silence is a lost connection", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const { socket, opened } = makeSocket(null);
    socket.open(["tasks"]);
    open(opened[0]);
    context.mock.timers.tick(10001);
    assert.equal(socket.connection, "closed");
    context.mock.timers.tick(1001);
    assert.equal(opened.length, 2);
    socket.close();
});
