import assert from "node:assert/strict";
import test from "node:test";

import { addUp, readFigure } from "../../../../static/dashboard/counts.js";
import { ServerClock } from "../../../../static/dashboard/freshness.js";
import { countFresh } from "../../../../static/dashboard/newrows.js";
import { T0, Tab, at } from "./tab.mjs";

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

test("what is shown before the first message is as old as the page", () => {
    const tab = new Tab();
    tab.topics.clock = new ServerClock();
    tab.local = 3100;
    tab.topics.subscribe("tasks", () => {});
    assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 3100, isStale: true });
});

test("another process whose clock is behind makes a page neither younger nor old for good", () => {
    const tab = new Tab();
    tab.topics.subscribe("tasks", () => {});
    tab.snapshot(1, { n: 1 });
    tab.local = 3100;
    tab.listener.received({ kind: "hello", at: at(-56.9) });
    assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 3100, isStale: true });
    tab.local = 3200;
    tab.snapshot(1, { n: 2 }, { epoch: 2, at: at(-57) });
    assert.deepEqual(tab.topics.freshness(), { status: "live", age: 200, isStale: false });
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

test("a page whose record is gone is not live, whatever else it follows", () => {
    const tab = new Tab();
    const refusals = [];
    tab.topics.onRefusal((message) => refusals.push([message.topic, message.kind]));
    tab.topics.subscribe("tasks", () => {});
    tab.topics.subscribe("task:1", () => {});
    tab.topics.makePart("task:1").fallBehind();
    tab.snapshot(1, { n: 1 });
    tab.listener.received({ kind: "gone", topic: "task:1" });
    assert.deepEqual(refusals, [["task:1", "gone"]]);
    tab.topics.finish("This task no longer exists.");
    assert.deepEqual(tab.topics.freshness(), { status: "over", age: 0, isStale: false });
    assert.equal(tab.topics.endReason, "This task no longer exists.");
    tab.local = 3100;
    assert.deepEqual(tab.topics.freshness(), { status: "over", age: 3100, isStale: true });
});

test("a page is not live once its last topic is gone", () => {
    const tab = new Tab();
    tab.topics.subscribe("task:1", () => {});
    tab.listener.received({ kind: "gone", topic: "task:1" });
    assert.deepEqual(tab.topics.freshness(), { status: "over", age: NaN, isStale: true });
    tab.topics.finish("This task no longer exists.");
    assert.equal(tab.topics.freshness().status, "over");
});

test("a socket that was refused before it greeted says nothing of the topics", () => {
    const tab = new Tab({ isGreeted: false });
    const refusals = [];
    tab.topics.onRefusal((message) => refusals.push(message));
    tab.topics.subscribe("task:1", () => {});
    tab.listener.ended("Pages of this origin may not connect.", 4403);
    assert.deepEqual(refusals, []);
    assert.equal(tab.topics.endReason, "Pages of this origin may not connect.");
});

test("a socket that does not open again is the refusal of every topic", () => {
    const tab = new Tab();
    const refusals = [];
    tab.topics.onRefusal((message) => refusals.push(message));
    for (const topic of ["tasks", "task:1"]) tab.topics.subscribe(topic, () => {});
    tab.listener.ended("You are not in this workspace any more.", 4403);
    const refusal = { kind: "error", code: 4403, message: "You are not in this workspace any more." };
    assert.deepEqual(refusals, [{ topic: "tasks", ...refusal }, { topic: "task:1", ...refusal }]);
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
