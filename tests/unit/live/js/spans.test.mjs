import assert from "node:assert/strict";
import test from "node:test";

import { addressOf, placeAfter, selectedSpan } from "../../../../static/dashboard/spans.js";

const HOUR = 3_600_000;
const edges = { from: 0, to: HOUR };

test("two shares of the width are a span, in either order", () => {
    assert.deepEqual(selectedSpan(0.25, 0.75, edges), { from: HOUR / 4, to: (HOUR * 3) / 4 });
    assert.deepEqual(selectedSpan(0.75, 0.25, edges), { from: HOUR / 4, to: (HOUR * 3) / 4 });
});

test("what lies beside the plot counts as its edge", () => {
    assert.deepEqual(selectedSpan(-2, 3, edges), { from: 0, to: HOUR });
});

test("a click selects nothing", () => {
    assert.equal(selectedSpan(0.5, 0.505, edges), null);
});

test("a span has at least five minutes", () => {
    const { from, to } = selectedSpan(0.5, 0.52, edges);
    assert.equal(to - from, 300_000);
});

test("a short span at the right edge begins earlier", () => {
    assert.deepEqual(selectedSpan(0.98, 1, edges), { from: HOUR - 300_000, to: HOUR });
});

test("a cursor moves by steps, and stays inside the chart", () => {
    assert.equal(placeAfter(20, 1, 60), 21);
    assert.equal(placeAfter(20, -1, 60), 19);
    assert.equal(placeAfter(0, -1, 60), 0);
    assert.equal(placeAfter(60, 1, 60), 60);
    assert.equal(placeAfter(20, -Infinity, 60), 0);
    assert.equal(placeAfter(20, Infinity, 60), 60);
});

test("a cursor comes in at an edge", () => {
    assert.equal(placeAfter(null, 1, 60), 0);
    assert.equal(placeAfter(null, -1, 60), 60);
    assert.equal(placeAfter(null, Infinity, 60), 60);
    assert.equal(placeAfter(null, -Infinity, 60), 0);
});

test("the address keeps workspace and type", () => {
    const address = addressOf("?workspace=pay&type=a%26b", { from: 0.4, to: HOUR });
    const params = new URLSearchParams(address);
    assert.equal(params.get("type"), "a&b");
    assert.equal(params.get("workspace"), "pay");
    assert.equal(params.get("from"), "1970-01-01T00:00:00.000Z");
    assert.equal(params.get("to"), "1970-01-01T01:00:00.000Z");
});
