"""Clients of `/ws/live`, over a real server or straight into the application."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from controlplane.live.changes import Change, apply
from controlplane.live.consumer import serve_sockets

PATIENCE = 15.0


class LiveClient:
    """What a client of the protocol knows: the newest snapshot of each topic."""

    def __init__(self) -> None:
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.seqs: dict[str, int] = {}
        self.messages: list[dict[str, Any]] = []

    def take(self, message: dict[str, Any]) -> None:
        """Follow one message, and hold it to the rules."""
        self.messages.append(message)
        assert message["v"] == 1
        topic = message.get("topic", "")
        if message["kind"] == "snapshot":
            self.snapshots[topic] = message["data"]
        elif message["kind"] == "change":
            assert message["since"] == self.seqs[topic], "a gap"
            self.snapshots[topic] = apply(self.snapshots[topic], Change(**message["data"]))
        elif message["kind"] == "gone":
            self.snapshots.pop(topic, None)
        if "seq" in message:
            self.seqs[topic] = message["seq"]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["kind"] == kind]


class DirectClient(LiveClient):
    """A socket without a server: the application's own messages."""

    def __init__(self, path: str = "/ws/live", **headers: str) -> None:
        super().__init__()
        named = {"host": "testserver", **{name.replace("_", "-"): v for name, v in headers.items()}}
        self.scope = {
            "type": "websocket",
            "path": path,
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
        self.is_accepted = False
        self.code: int | None = None
        self.reason = ""
        self.reads = asyncio.Event()
        self.reads.set()
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._has_news = asyncio.Event()

    async def __aenter__(self) -> "DirectClient":
        self._to_server.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.ensure_future(
            serve_sockets(self.scope, self._to_server.get, self._receive)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self._task, PATIENCE)

    def send(self, **message: Any) -> None:
        self.send_text(json.dumps(message))

    def send_text(self, text: str) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})

    def send_bytes(self, data: bytes) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "bytes": data})

    async def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        """What the condition gives, once it gives something."""
        async with asyncio.timeout(PATIENCE):
            while not (found := condition()):
                self._has_news.clear()
                assert self.code is None, f"closed with {self.code} {self.reason}, not {what}"
                await self._has_news.wait()
        return found

    async def wait_for_close(self) -> int:
        async with asyncio.timeout(PATIENCE):
            while self.code is None:
                self._has_news.clear()
                await self._has_news.wait()
        return self.code

    async def snapshot(self, topic: str) -> dict[str, Any]:
        """The first one."""
        await self.wait_for(lambda: topic in self.snapshots, f"a snapshot of {topic}")
        return self.snapshots[topic]

    async def _receive(self, message: Any) -> None:
        if message["type"] == "websocket.accept":
            self.is_accepted = True
        elif message["type"] == "websocket.close":
            self.code, self.reason = message["code"], message["reason"]
        else:
            await self.reads.wait()
            self.take(json.loads(message["text"]))
        self._has_news.set()
