import assert from "node:assert/strict";
import test from "node:test";

import { ageText, titleOf } from "../../../../static/dashboard/chip.js";

test("the chip shows the age of the data, however it is asked for", () => {
    for (const status of ["live", "delayed", "polling", "paused", "disconnected"]) {
        assert.equal(ageText({ status, age: 7200 }), "7.2 s ago");
    }
});

test("how often it is polled, and why there are no more updates, is in the title", () => {
    assert.match(titleOf({ status: "polling" }, ""), /every 10 s/);
    assert.equal(titleOf({ status: "live" }, ""), "");
    assert.equal(titleOf({ status: "disconnected" }, "Log in."), "Log in.");
});
