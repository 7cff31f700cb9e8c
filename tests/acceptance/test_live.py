"""`/ws/live` of the app as it is served: refusals, tasks that run, outages, several processes."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket
from django.db import connection

from controlplane.embedded import valkey
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tests.clients import key_client
from tests.engine import Component, Engine
from tests.factories import make_queue
from tests.sockets import LiveClient
from tests.standing import App, StandingEngine

PATIENCE = 30.0


class Socket(LiveClient):
    """A client of a server."""

    def __init__(self, url: str, path: str = "/ws/live", **options: Any) -> None:
        super().__init__()
        self._socket = websocket.create_connection(
            url.replace("http", "ws", 1) + path, timeout=PATIENCE, suppress_origin=True, **options
        )

    def send(self, **message: Any) -> None:
        self._socket.send(json.dumps(message))

    def next(self) -> int | None:
        """Take a message; the code if the server closes instead."""
        kind, content = self._socket.recv_data()
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(content[:2], "big")
        self.take(json.loads(content))
        return None

    def wait_for_close(self) -> int:
        while (code := self.next()) is None:
            pass
        return code

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        give_up = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < give_up, f"Timed out: {what}; {self.messages[-5:]}"
            code = self.next()
            assert code is None, f"closed with {code}, not {what}"
        return found

    def close(self) -> None:
        self._socket.close()


@contextmanager
def open_socket(url: str, *topics: str, key: str = "") -> Iterator[Socket]:
    socket = Socket(url)
    try:
        socket.send(authorization=key or new_key(), subscribe=list(topics))
        yield socket
    finally:
        socket.close()


def new_key(**options: Any) -> str:
    return str(key_client("viewer", **options).defaults["HTTP_AUTHORIZATION"])


@pytest.mark.parametrize(
    ("path", "message", "code"),
    [
        ("/ws/live", '{"subscribe": ["tasks"]}', 4401),
        ("/ws/live", '{"authorization": "Bearer nonsense"}', 4401),
        ("/ws/live", "nonsense", 4400),
        ("/nowhere", "", 4404),
        ("/ws/live", "x" * 70_000, 1009),
    ],
)
def test_a_refused_socket_learns_the_code(app: App, path: str, message: str, code: int) -> None:
    socket = Socket(app.url, path)
    if message:  # what is sent to a socket that is closed already may reset it before it is read
        socket._socket.send(message)
    assert socket.wait_for_close() == code
    socket.close()
    assert "Traceback" not in app.component.output()


def test_a_task_is_followed_to_its_end(running: StandingEngine) -> None:
    app = running.app_under("uvicorn")
    with open_socket(app.url, "tasks") as socket:
        socket.wait_for(lambda: "tasks" in socket.snapshots, "the tasks")
        task = f"task:{submit_task(spec=TaskSpec(type='noop', payload={}))}"
        socket.send(subscribe=[task])
        socket.wait_for(
            lambda: socket.snapshots.get(task, {}).get("status") == "COMPLETED", "its end"
        )
        assert socket.snapshots[task]["attempts"]["order"] == ["1"]
        socket.wait_for(
            lambda: socket.snapshots["tasks"]["states"]["COMPLETED"] == 1, "the count of tasks"
        )
    assert "Traceback" not in app.component.output()


def test_the_app_stops_while_sockets_are_open(engine: Engine) -> None:
    with open_socket(engine.app(), "queues") as socket:
        socket.wait_for(lambda: "queues" in socket.snapshots, "the queues")
        assert engine.apps[0].stop() == 0
    assert "Traceback" not in engine.apps[0].output()


def test_requests_and_sockets_may_be_two_processes(engine: Engine) -> None:
    requests = engine.app(TASKPLANE_SERVES="requests")
    sockets = engine.app(TASKPLANE_SERVES="sockets")
    refused = Socket(requests)
    assert refused.wait_for_close() == 4404
    refused.close()
    assert httpx.get(f"{requests}/tasks").status_code == 401
    assert httpx.get(f"{sockets}/tasks").status_code == 404
    with open_socket(sockets, "queues") as socket:
        socket.wait_for(lambda: "queues" in socket.snapshots, "the queues")


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A Valkey that a test may stop, and the environment of who uses it."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    host, port = valkey.start(folder)
    yield folder, {"REDIS_HOST": host, "REDIS_PORT": str(port)}
    valkey.stop(folder)


def ages(socket: Socket) -> list[str]:
    return [m["topics"]["queues"] for m in socket.of_kind("heartbeat")]


def test_valkey_restarts_under_a_viewer(
    engine: Engine, own_valkey: tuple[Path, dict[str, str]]
) -> None:
    folder, env = own_valkey
    with open_socket(engine.app(**env), "queues") as socket:
        socket.wait_for(lambda: "queues" in socket.snapshots, "the queues")
        valkey.stop(folder)
        beats = len(socket.of_kind("heartbeat"))
        socket.wait_for(lambda: len(socket.of_kind("heartbeat")) > beats + 4, "heartbeats")
        assert ages(socket)[-1] == ages(socket)[-2]  # they say that nothing new was read
        make_queue("while-it-was-away")
        assert valkey.start(folder)[1] == int(env["REDIS_PORT"])
        socket.wait_for(
            lambda: "while-it-was-away" in socket.snapshots["queues"]["rows"], "the new queue"
        )
    assert "Traceback" not in engine.apps[0].output()


def test_postgres_is_away_under_a_viewer(engine: Engine) -> None:
    name = connection.settings_dict["NAME"]
    with open_socket(engine.app(), "queues") as socket:
        socket.wait_for(lambda: "queues" in socket.snapshots, "the queues")
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [name],
            )
            try:
                beats = len(socket.of_kind("heartbeat"))
                socket.wait_for(lambda: len(socket.of_kind("heartbeat")) > beats + 5, "heartbeats")
                assert ages(socket)[-1] == ages(socket)[-3]
            finally:
                cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        make_queue("afterwards")
        socket.wait_for(lambda: "afterwards" in socket.snapshots["queues"]["rows"], "the new queue")
    assert "Traceback" not in engine.apps[0].output()


def is_broadcaster(app: Component) -> bool:
    return "Live updates are sent by this process" in app.output()


def test_a_killed_broadcaster_is_replaced(engine: Engine) -> None:
    urls = [engine.app(), engine.app()]
    key = new_key()
    with (
        open_socket(urls[0], "queues", key=key) as one,
        open_socket(urls[1], "queues", key=key) as two,
    ):
        sockets = [one, two]
        for socket in sockets:
            socket.wait_for(lambda s=socket: "queues" in s.snapshots, "the queues")
        assert sorted(map(is_broadcaster, engine.apps)) == [False, True]
        first = 0 if is_broadcaster(engine.apps[0]) else 1
        engine.apps[first].kill()
        killed_at = time.monotonic()
        left = sockets[1 - first]
        make_queue("afterwards")
        left.wait_for(lambda: "afterwards" in left.snapshots["queues"]["rows"], "the new queue")
        # Five seconds, and what a busy machine adds.
        assert time.monotonic() - killed_at < 10
        assert left.of_kind("snapshot")[-1]["epoch"] > left.of_kind("snapshot")[0]["epoch"]


def ends(socket: Socket) -> bool:
    """Read all that was sent until the connection ends."""
    try:
        socket.wait_for_close()
    except websocket.WebSocketTimeoutException:
        return False
    except (OSError, websocket.WebSocketException):
        return True  # cut off
    return True


@pytest.mark.nightly
def test_a_client_that_does_not_read_is_closed_and_costs_nothing(engine: Engine) -> None:
    url = engine.app()
    app = engine.apps[0]
    for number in range(300):
        make_queue(f"a-queue-with-quite-a-long-name-{number}")
    key = new_key()
    with open_socket(url, "queues", key=key) as quick:
        quick.wait_for(lambda: "queues" in quick.snapshots, "the queues")
        assert len(str(quick.snapshots)) > 65_536  # what a client may send at once
        deaf = [Socket(url) for _ in range(10)]
        for each in deaf:
            each.send(authorization=key, subscribe=["queues", "tasks"])
        time.sleep(5)
        before = app.tree.memory_info().rss
        began = time.monotonic()
        number = 0
        while time.monotonic() - began < 75:
            number += 1
            make_queue(f"another-queue-{number}")
            seen = f"another-queue-{number}"
            quick.wait_for(lambda s=seen: s in quick.snapshots["queues"]["rows"], "the new queue")
        assert app.tree.memory_info().rss - before < 20_000_000
        assert all(map(ends, deaf))
    assert "Traceback" not in app.output()
