import assert from "node:assert/strict";
import test from "node:test";

import { Tab, at } from "./tab.mjs";

/** A tab with a part that asks when the topic changes, at a time at which all is shown. */
function makeTab() {
    const tab = new Tab();
    const part = tab.topics.makePart("tasks");
    tab.topics.subscribe("tasks", () => part.fallBehind());
    tab.snapshot(1, { n: 1 });
    part.catchUp(100);
    tab.local = 10000;
    tab.beat();
    assert.deepEqual(tab.topics.freshness(), { status: "live", age: 0, isStale: false });
    return { tab, part };
}

/** News of the topic at a time, which was read just then. */
function takeSnapshot(tab, seconds, seq) {
    tab.local = seconds * 1000;
    tab.snapshot(seq, { n: seq }, { at: at(seconds) });
}

test("a part that has not shown the news of its topic is as old as the read before them", () => {
    const { tab, part } = makeTab();
    tab.local = 11000;
    tab.change(1, 2, { n: 2 }, { at: at(11) });
    assert.equal(tab.topics.freshness().age, 1000);
    tab.local = 12900;
    tab.beat();
    assert.deepEqual(tab.topics.freshness(), { status: "live", age: 2900, isStale: false });
    tab.local = 13100;
    tab.beat();
    assert.equal(tab.topics.freshness().status, "delayed");
    part.catchUp(13000);
    assert.equal(tab.topics.freshness().status, "live");
    // News that came while the answer was under way are not in it.
    tab.local = 14000;
    tab.change(2, 3, { n: 3 }, { at: at(14) });
    part.catchUp(13500);
    tab.local = 16600;
    tab.beat();
    assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 3100, isStale: true });
});

test("what was answered since the read before counts", () => {
    const { tab, part } = makeTab();
    part.catchUp(10800);
    tab.local = 11000;
    tab.change(1, 2, { n: 2 }, { at: at(11) });
    assert.equal(tab.topics.freshness().age, 200);
});

const STOPS = {
    "a pause": [(tab) => tab.topics.pause(), (tab) => tab.topics.resume()],
    "a hidden tab": [(tab) => tab.topics.hide(), (tab) => tab.topics.show()],
    "a lost socket": [
        (tab) => { tab.socket.connection = "closed"; },
        (tab) => {
            tab.socket.connection = "open";
            tab.listener.opened();
            tab.listener.received({ kind: "hello", at: at(tab.local / 1000) });
        },
    ],
};

for (const [name, [stop, goOn]] of Object.entries(STOPS)) {
    test(`after ${name} a part is as old as that until it is answered`, (context) => {
        context.mock.timers.enable({ apis: ["setTimeout"] });
        const { tab, part } = makeTab();
        stop(tab);
        tab.local = 610000;
        goOn(tab);
        // The topic is confirmed before its snapshot is there: what is shown is not what was read.
        tab.beat();
        assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 600000, isStale: true });
        takeSnapshot(tab, 610, 9);
        assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 600000, isStale: true });
        tab.local = 611000;
        tab.beat();
        assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 601000, isStale: true });
        part.catchUp(610500);
        assert.deepEqual(tab.topics.freshness(), { status: "live", age: 0, isStale: false });
    });
}

test("after a sleep the age of a part is unknown until it is answered", () => {
    const { tab, part } = makeTab();
    tab.topics.forgetAges();
    takeSnapshot(tab, 10.5, 2);
    assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: Infinity, isStale: true });
    // An answer that was asked for before the sleep is from before it; this one is not.
    tab.change(2, 3, { n: 3 }, { at: at(10.5) });
    part.catchUp(9000);
    assert.equal(tab.topics.freshness().age, Infinity);
    part.catchUp(10600);
    assert.equal(tab.topics.freshness().status, "live");
});

test("a part without a topic is as old as its newest answer", () => {
    const tab = new Tab();
    tab.topics.subscribe("tasks", () => {});
    tab.snapshot(1, { n: 1 });
    const part = tab.topics.makePart(null);
    tab.local = 2900;
    tab.beat();
    assert.deepEqual(tab.topics.freshness(), { status: "live", age: 2900, isStale: false });
    tab.local = 3100;
    tab.beat();
    assert.deepEqual(tab.topics.freshness(), { status: "delayed", age: 3100, isStale: true });
    part.catchUp(3000);
    assert.deepEqual(tab.topics.freshness(), { status: "live", age: 100, isStale: false });
});

test("a page that only asks by itself needs no socket to be live", () => {
    const tab = new Tab();
    tab.socket.connection = "closed";
    assert.equal(tab.topics.freshness(), null);
    const part = tab.topics.makePart(null);
    assert.equal(tab.topics.freshness().status, "live");
    tab.local = 3100;
    assert.equal(tab.topics.freshness().status, "delayed");
    part.catchUp(3100);
    tab.topics.pause();
    assert.equal(tab.topics.freshness().status, "paused");
});
