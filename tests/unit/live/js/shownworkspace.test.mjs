import assert from "node:assert/strict";
import test from "node:test";

import { nameShownWorkspace } from "../../../../static/dashboard/shownworkspace.js";

for (const [query, named] of [["", 1], ["?workspace=0192-id", 1], ["?workspace=payments", 0]]) {
    test(`the address ${query} has the name afterwards`, (t) => {
        const replaceState = t.mock.fn();
        Object.assign(globalThis, {
            document: { body: { dataset: { shownWorkspace: "payments" } } },
            location: { href: `https://example.com/admin/${query}` },
            history: { state: null, replaceState },
        });
        nameShownWorkspace();
        assert.equal(replaceState.mock.callCount(), named);
        for (const { arguments: [, , address] } of replaceState.mock.calls) {
            assert.equal(address.search, "?workspace=payments");
        }
    });
}
