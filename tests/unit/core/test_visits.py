"""Requests that share visits to a thread."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest

from controlplane.core.http import visits
from controlplane.core.http.messages import Reply
from controlplane.core.http.visits import SharedVisits


class Server:
    """Replies with the paths that came together; a path `none` is left to Django."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.visits: list[list[str]] = []
        self._has_visit = threading.Event()

    @property
    def paths(self) -> list[str]:
        return [path for visit in self.visits for path in visit]

    async def is_visited(self) -> None:
        await asyncio.to_thread(self._has_visit.wait, 5)

    def respond(self, asked: Sequence[Any]) -> list[Reply | None]:
        paths = [scope["path"] for scope, _ in asked]
        self.visits.append(paths)
        self._has_visit.set()
        self.gate.wait(5)
        if "fault" in paths:
            raise ZeroDivisionError
        return [None if path == "none" else Reply(200, [], path.encode()) for path in paths]


async def ask(shared: SharedVisits, path: str) -> bytes | None:
    reply = await shared.respond({"path": path}, BytesIO())
    return None if reply is None else reply.body


def run(server: Server, talk: Any) -> Any:
    with ThreadPoolExecutor(4) as threads:
        return asyncio.run(talk(SharedVisits(server.respond, threads)))


def test_each_gets_its_own_reply() -> None:
    async def talk(shared: SharedVisits) -> list[bytes | None]:
        return await asyncio.gather(*(ask(shared, path) for path in ("a", "none", "b")))

    server = Server()
    assert run(server, talk) == [b"a", None, b"b"]
    assert sorted(server.paths) == ["a", "b", "none"]


def test_one_alone_does_not_wait() -> None:
    server = Server()
    assert run(server, lambda shared: ask(shared, "a")) == b"a"
    assert server.visits == [["a"]]


def test_those_that_arrive_during_a_visit_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "_SHARING", 3)
    server = Server()

    async def talk(shared: SharedVisits) -> None:
        server.gate.clear()
        first = [asyncio.create_task(ask(shared, str(n))) for n in range(2)]
        await server.is_visited()
        later = [asyncio.create_task(ask(shared, f"later {n}")) for n in range(7)]
        await asyncio.sleep(0.01)
        server.gate.set()
        await asyncio.gather(*first, *later)

    run(server, talk)
    assert max(map(len, server.visits)) == 3
    assert len(server.visits) < 9
    assert len(server.paths) == 9


def test_a_fault_reaches_those_of_its_visit_only() -> None:
    async def talk(shared: SharedVisits) -> list[Any]:
        faulty = await asyncio.gather(ask(shared, "fault"), return_exceptions=True)
        return [*faulty, await ask(shared, "after")]

    fault, after = run(Server(), talk)
    assert isinstance(fault, ZeroDivisionError)
    assert after == b"after"


@pytest.mark.parametrize("most", [1, 2])
def test_a_request_that_arrives_as_a_visit_ends_is_served(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(visits, "_VISITS", most)

    async def client(shared: SharedVisits) -> None:
        for number in range(50):  # the next follows in the same turn of the loop
            await ask(shared, str(number))

    async def talk(shared: SharedVisits) -> None:
        await asyncio.wait_for(asyncio.gather(*(client(shared) for _ in range(3))), 20)

    server = Server()
    run(server, talk)
    assert len(server.paths) == 150


def test_those_that_wait_behind_a_fault_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "_VISITS", 1)
    server = Server()

    async def talk(shared: SharedVisits) -> list[Any]:
        server.gate.clear()
        faulty = asyncio.create_task(ask(shared, "fault"))
        await server.is_visited()
        behind = asyncio.create_task(ask(shared, "behind"))
        await asyncio.sleep(0)
        server.gate.set()
        waiting = asyncio.gather(faulty, behind, return_exceptions=True)
        return await asyncio.wait_for(waiting, 20)

    fault, behind = run(server, talk)
    assert isinstance(fault, ZeroDivisionError)
    assert behind == b"behind"


def test_a_client_that_leaves_harms_nobody() -> None:
    server = Server()

    async def talk(shared: SharedVisits) -> bytes | None:
        server.gate.clear()
        leaving = asyncio.create_task(ask(shared, "leaving"))
        staying = asyncio.create_task(ask(shared, "staying"))
        await server.is_visited()
        leaving.cancel()
        await asyncio.sleep(0)
        server.gate.set()
        return await staying

    assert run(server, talk) == b"staying"
