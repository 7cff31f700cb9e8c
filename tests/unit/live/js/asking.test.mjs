import assert from "node:assert/strict";
import test from "node:test";

import { Asking } from "../../../../static/dashboard/asking.js";

/** Ask once; how often it is asked again by itself, and what was shown. */
async function ask(t, answer) {
    t.mock.method(globalThis, "setTimeout", () => {});
    t.mock.method(globalThis, "fetch", async () => answer);
    globalThis.document = { hidden: false, querySelector: () => null };
    const shown = [];
    await new Asking([], () => ({ address: "/newer", show: (found) => shown.push(found) })).ask();
    return { again: setTimeout.mock.calls.map(({ arguments: [, wait] }) => wait), shown };
}

test("an answer is shown", async (t) => {
    const answer = { ok: true, status: 200, json: async () => ({ newer: 3 }) };
    assert.deepEqual(await ask(t, answer), { again: [], shown: [{ newer: 3 }] });
});

test("what is refused is not asked again until the topic changes", async (t) => {
    assert.deepEqual(await ask(t, { ok: false, status: 403 }), { again: [], shown: [] });
});

test("what failed is asked again after a while", async (t) => {
    assert.deepEqual(await ask(t, { ok: false, status: 503 }), { again: [5000], shown: [] });
});

test("what changes while an answer is under way asks once more, after it", async (t) => {
    t.mock.method(globalThis, "setTimeout", () => {});
    let answer;
    t.mock.method(globalThis, "fetch", () => new Promise((resolve) => {
        answer = () => resolve({ ok: true, json: async () => ({}) });
    }));
    const asking = new Asking([], () => ({ address: "/newer", show: () => {} }));
    const first = asking.ask();
    asking.touch();
    asking.touch();
    assert.equal(fetch.mock.callCount(), 1);
    assert.equal(setTimeout.mock.callCount(), 0);
    answer();
    await first;
    assert.equal(setTimeout.mock.callCount(), 1);
});
