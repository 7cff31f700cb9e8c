import assert from "node:assert/strict";
import test from "node:test";

import { Explanation } from "../../../../static/dashboard/explanation.js";

/** A page of a task whose clock and queue the test moves. */
class Page {
    constructor(t, status = "PENDING") {
        this.now = 0;
        this.isGrey = false;
        this.news = 0;
        this.asked = 0;
        globalThis.document = { hidden: false, querySelector: () => null };
        t.mock.method(globalThis, "setInterval", (look) => { this.look = look; });
        t.mock.method(performance, "now", () => this.now);
        const classList = { toggle: (_, isGrey) => { this.isGrey = isGrey; } };
        this.element = { dataset: { status, queue: "a/b" }, querySelector: () => ({ classList }) };
        this.asking = {
            askedAt: -Infinity,
            addPart: () => ({ fallBehind: () => { this.news += 1; } }),
            touch: () => {
                this.asked += 1;
                this.asking.askedAt = this.now;
            },
        };
        this.explanation = new Explanation(this.element, this.asking);
        this.queue({ depth: 1 });
    }

    queue(fields) {
        this.row = { depth: 0, running: 0, pausedAt: null, maxRunning: null, ...this.row, ...fields };
        this.explanation.takeQueues({ rows: { "a/b": this.row }, order: ["a/b"] });
    }

    /** Let seconds pass, one after the other; returns how many times it asked. */
    wait(seconds) {
        const before = this.asked;
        for (let second = 0; second < seconds; second += 1) {
            this.now += 1000;
            this.look();
        }
        return this.asked - before;
    }
}

for (const [what, fields] of [
    ["a pause", { pausedAt: "2026-11-28T03:00:00Z" }],
    ["a limit", { maxRunning: 4 }],
    ["a queue without a worker", { isServed: false }],
]) {
    test(`${what} is asked about at once, and the page is old until the answer`, (t) => {
        const page = new Page(t);
        page.queue(fields);
        assert.deepEqual([page.asked, page.news], [1, 1]);
        page.queue({});
        assert.equal(page.asked, 1);
    });
}

test("tasks that come and go are asked about every five seconds", (t) => {
    const page = new Page(t);
    assert.equal(page.wait(4), 0);
    assert.equal(page.wait(1), 1);
    for (let depth = 10; depth < 30; depth += 1) {
        page.queue({ depth });
        page.wait(1);
    }
    assert.deepEqual([page.asked, page.news], [5, 0]);
});

test("without news it is asked about every fifteen seconds, until the task has ended", (t) => {
    const page = new Page(t, "RUNNING");
    page.wait(5);
    page.asked = 0;
    assert.equal(page.wait(30), 2);
    page.element.dataset.status = "COMPLETED";
    page.explanation.noteAnswer();
    assert.equal(page.wait(60), 0);
    assert.equal(page.isGrey, false);
});

test("a hidden page does not ask, and does so when it is shown", (t) => {
    const page = new Page(t);
    globalThis.document.hidden = true;
    assert.equal(page.wait(60), 0);
    globalThis.document.hidden = false;
    assert.equal(page.wait(1), 1);
});

test("a sentence that is older than half a minute is grey until there is an answer", (t) => {
    const page = new Page(t);
    page.wait(30);
    assert.equal(page.isGrey, false);
    page.wait(1);
    assert.equal(page.isGrey, true);
    page.asking.touch();
    page.explanation.noteAnswer();
    assert.equal(page.isGrey, false);
});

test("a queue that the topic leaves out changes nothing", (t) => {
    const page = new Page(t);
    page.explanation.takeQueues({ rows: {}, order: [] });
    page.queue({});
    assert.deepEqual([page.asked, page.news], [0, 0]);
});
