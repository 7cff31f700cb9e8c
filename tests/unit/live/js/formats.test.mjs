import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import * as formats from "../../../../static/dashboard/formats.js";
import { SHAPES } from "../../../../static/dashboard/shapes.js";

const cases = JSON.parse(readFileSync(process.env.LIVE_CASES, "utf-8"));

test("figures read as the server writes them", () => {
    for (const [name, pairs] of Object.entries(cases.formats)) {
        for (const [values, expected] of pairs) {
            assert.equal(formats[name](...values), expected, `${name}(${values})`);
        }
    }
});

test("a number that JavaScript cannot hold is left to the server", () => {
    assert.equal(formats.formatNumber(2 ** 53 + 2), null);
    assert.equal(formats.formatNumber(-(2 ** 63)), null);
    assert.equal(formats.formatNumber(2 ** 53 - 1), "9,007,199,254,740,991");
});

test("the age of data", () => {
    assert.deepEqual(
        [0, 840, 9949, 12999, 60000, 7200000, NaN].map(formats.formatAge),
        ["0.0 s ago", "0.8 s ago", "9.9 s ago", "12 s ago", "1 min ago", "2 h ago", ""],
    );
});

test("states have the shapes that the server draws", () => {
    for (const [state, shape] of Object.entries(SHAPES)) assert.deepEqual(shape, cases.shapes[state], state);
});
