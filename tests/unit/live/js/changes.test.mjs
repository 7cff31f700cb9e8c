import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { applyChange, escapeKey, readPath, splitPath } from "../../../../static/dashboard/changes.js";

// What the server found between pairs of snapshots: test_scripts.py makes the file.
const cases = JSON.parse(readFileSync(process.env.LIVE_CASES, "utf-8"));

test("the server's changes lead from one snapshot to the other", () => {
    assert.ok(cases.changes.length > 50);
    for (const { old, change, expected } of cases.changes) {
        const before = JSON.stringify(old);
        assert.deepEqual(applyChange(old, change), expected);
        assert.equal(JSON.stringify(old), before);
    }
});

test("a key that objects have by themselves is a key like every other", () => {
    const before = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}');
    const after = applyChange(before, { set: { "__proto__/b": 3 }, remove: ["constructor"] });

    assert.equal(JSON.stringify(after), '{"__proto__":{"a":1,"b":3}}');
    assert.equal({}.b, undefined);
    assert.equal(readPath(before, "toString"), undefined);
});

test("a path names its keys", () => {
    const keys = ["a/b", "", "~1", "é"];

    assert.deepEqual(splitPath(keys.map(escapeKey).join("/")), keys);
    assert.equal(readPath({ rows: { "a/b": { depth: 3 } } }, "rows/a~1b/depth"), 3);
    assert.equal(readPath({ rows: null }, "rows/a"), undefined);
});
