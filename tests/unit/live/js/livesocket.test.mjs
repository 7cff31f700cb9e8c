import assert from "node:assert/strict";
import test from "node:test";

import { LiveSocket } from "../../../../static/dashboard/livesocket.js";

/** A LiveSocket whose sockets and requests the test answers. */
function makeSocket(fetch) {
    const opened = [];
    const received = [];
    const socket = new LiveSocket({
        path: "/x/ws/live",
        workspace: "other",
        open: () => {
            const made = { sent: [], send: (text) => made.sent.push(JSON.parse(text)), close: () => {} };
            opened.push(made);
            return made;
        },
        fetch,
        random: () => 1,
    });
    let end = null;
    socket.listen({
        opened: () => received.push("opened"),
        received: (message) => received.push(message),
        ended: (reason, code) => { end = [reason, code]; },
    });
    return { socket, opened, received, end: () => end };
}

function open(made) {
    made.onopen();
    made.onmessage({ data: JSON.stringify({ kind: "hello" }) });
}

test("after the third failure it polls, and stops when the socket is back", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const asked = [];
    const fetch = async (path, headers) => {
        asked.push([path, headers]);
        return { status: 200, message: { kind: "snapshot", topic: "task:1" } };
    };
    const { socket, opened, received } = makeSocket(fetch);
    socket.open(["task:1"]);
    open(opened[0]);
    assert.deepEqual(opened[0].sent, [{ workspace: "other", subscribe: [] }]);
    assert.equal(socket.connection, "open");
    const delays = [1000, 2000, 4000];
    opened[0].onclose({ code: 1006 });
    for (const [index, delay] of delays.entries()) {
        assert.equal(opened.length, index + 1);
        context.mock.timers.tick(delay);
        if (index < 2) opened.at(-1).onclose({ code: 1006 });
        await Promise.resolve();
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(asked, [["/x/live/task%3A1", { "X-Workspace": "other" }]]);
    assert.equal(socket.connection, "polling");
    open(opened.at(-1));
    assert.equal(socket.connection, "open");
    context.mock.timers.tick(60000);
    assert.equal(asked.length, 1);
    assert.equal(received.filter((each) => each === "opened").length, 2);
    socket.close();
});

test("a topic of another workspace is polled in that workspace", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const asked = [];
    const { socket, received } = makeSocket(async (path, headers) => {
        asked.push([path, headers]);
        return { status: 200, message: { kind: "snapshot", topic: "queues" } };
    });
    socket.watch(["third/queues", "task:a/b"]);
    await socket.poll();
    assert.deepEqual(asked, [
        ["/x/live/queues", { "X-Workspace": "third" }],
        ["/x/live/task%3Aa%2Fb", { "X-Workspace": "other" }],
    ]);
    assert.equal(received[0].topic, "third/queues");
    socket.close();
});

test("what is polled is gone, or may not be seen", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const statuses = [404, 403, 401];
    const { socket, received, end } = makeSocket(async () => ({ status: statuses.shift(), message: null }));
    socket.watch(["task:1", "task:2", "task:3"]);
    await socket.poll();
    assert.deepEqual(received, [
        { kind: "gone", topic: "task:1" },
        { kind: "error", topic: "task:2", code: 4403, message: "" },
    ]);
    assert.deepEqual(end(), ["You are not logged in any more.", 4401]);
});

/** One round of polling: each topic is answered with its status; "lost" is a request that fails. */
async function pollOnce(context, statuses) {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const { socket, received } = makeSocket(async (path) => {
        const status = statuses[path.split("/").pop()];
        if (status === "lost") throw new TypeError("Failed to fetch");
        return { status, message: status === 200 ? { kind: "snapshot" } : null };
    });
    socket.watch(Object.keys(statuses));
    await socket.poll();
    const { connection } = socket;
    socket.close();
    return { connection, topics: received.map(({ topic }) => topic) };
}

test("a topic that cannot be polled keeps no other from it", async (context) => {
    const statuses = { large: 413, first: 200, often: 429, broken: 503, away: "lost", last: 200 };
    assert.deepEqual(await pollOnce(context, statuses), { connection: "polling", topics: ["first", "last"] });
});

test("where no topic is answered there is no connection", async (context) => {
    const statuses = { first: 503, last: "lost" };
    assert.deepEqual(await pollOnce(context, statuses), { connection: "closed", topics: [] });
});

test("a topic that hangs keeps no other from being polled", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const { socket, received } = makeSocket((path) => (
        path.endsWith("hangs") ? new Promise(() => {}) : Promise.resolve({ status: 200, message: { kind: "snapshot" } })
    ));
    socket.watch(["hangs", "last"]);
    socket.poll();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(received, [{ kind: "snapshot", topic: "last" }]);
    assert.equal(socket.connection, "polling");
    socket.close();
});

test("who is refused does not ask again", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const { socket, opened, end } = makeSocket(null);
    socket.open(["tasks"]);
    opened[0].onclose({ code: 4401, reason: "Log in." });
    context.mock.timers.tick(100000);
    assert.deepEqual([socket.connection, end(), opened.length], ["ended", ["Log in.", 4401], 1]);
});

test("silence is a lost connection", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const { socket, opened } = makeSocket(null);
    socket.open(["tasks"]);
    open(opened[0]);
    context.mock.timers.tick(10001);
    assert.equal(socket.connection, "closed");
    context.mock.timers.tick(1001);
    assert.equal(opened.length, 2);
    socket.close();
});
