import assert from "node:assert/strict";
import test from "node:test";

import { tick } from "../../../../static/dashboard/bind.js";

const AT = Date.parse("2026-11-28T03:05:00Z");

/** What a time says that was drawn as "now" five minutes ago. */
function tickOnce({ status, isHidden = false, serverTime = AT }) {
    const element = {
        textContent: "now",
        dataset: { tick: "ago" },
        getAttribute: () => "2026-11-28T03:00:00Z",
    };
    const topics = { isHidden, freshness: () => status && { status }, serverTime: () => serverTime };
    tick(topics, { querySelectorAll: () => [element] });
    return element.textContent;
}

test("times follow the clock while the page is live, and while it is polled", () => {
    for (const status of ["live", "polling"]) assert.equal(tickOnce({ status }), "5 min ago");
});

test("times stand with data that is old, or is not kept up to date", () => {
    for (const status of ["delayed", "paused", "disconnected", "over", null]) assert.equal(tickOnce({ status }), "now");
    assert.equal(tickOnce({ status: "live", isHidden: true }), "now");
});

test("times stand until the server's time is known", () => {
    assert.equal(tickOnce({ status: "live", serverTime: NaN }), "now");
});
