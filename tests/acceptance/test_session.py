"""Everything on one machine: what is killed comes back, and all of it stops in order."""

import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from controlplane import embedded
from controlplane.embedded import home, postgres, processes, storage, valkey
from controlplane.embedded.components import Component, Listener, answers_ok
from controlplane.embedded.processes import free_port
from controlplane.embedded.session import Session
from controlplane.embedded.supervise import MARK, Status

SERVER = """
import http.server, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Lines(list[tuple[str, str, str]]):
    """The output of the session."""

    def say(self, name: str, state: str, note: str) -> None:
        self.append((name, state, note))

    def has(self, name: str, state: str) -> bool:
        return any(line[:2] == (name, state) for line in self)


def wait_for(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.getbasetemp() / "server.py"
    path.write_text(SERVER)
    return path


def server(name: str, port: int, script: Path) -> Component:
    listener = Listener("127.0.0.1", port, "A_PORT")
    return Component(
        name=name,
        command=[sys.executable, str(script), str(port)],
        stop_seconds=2,
        note=listener.url,
        is_ready=lambda: answers_ok(listener.url, "/"),
        listener=listener,
    )


class Watched:
    """A session whose watch runs in a thread, with what a test needs to look into it."""

    def __init__(self, state: Path, script: Path) -> None:
        self.state, self.script, self.lines = state, script, Lines()
        self.session = Session(state, say=self.lines.say, with_postgres=True, with_valkey=True)
        self.ports = [free_port(), free_port()]

    def start(self) -> None:
        self.session.start_servers()
        self.session.start_components(
            [
                server("app", self.ports[0], self.script),
                server("worker", self.ports[1], self.script),
            ]
        )
        threading.Thread(target=self.session.watch, daemon=True).start()

    def statuses(self) -> dict[str, Status]:
        assert self.session._supervisor is not None
        return {status.name: status for status in self.session._supervisor.statuses()}

    def marked(self) -> list[psutil.Process]:
        return processes.marked(MARK, str(self.state / "run"))


@pytest.fixture
def watched(tmp_path: Path, script: Path) -> Iterator[Watched]:
    running = Watched(tmp_path, script)
    try:
        running.start()
        yield running
    finally:
        running.session.end_watch()
        running.session.stop()


def test_what_is_killed_comes_back(watched: Watched) -> None:
    before = watched.statuses()["app"].pid
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: watched.lines.has("app", "restarted"))
    assert watched.statuses()["app"].pid != before
    wait_for(lambda: answers_ok(f"http://127.0.0.1:{watched.ports[0]}", "/"))

    address, port = postgres.url(watched.state), valkey.address(watched.state)
    for of in (postgres, valkey):
        pid = of.pid(watched.state)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: watched.lines.has("postgres", "ready") and watched.lines.has("valkey", "ready")
    )
    # The components know the old addresses: a server that moved would be as good as lost.
    assert (postgres.url(watched.state), valkey.address(watched.state)) == (address, port)
    with psycopg.connect(str(address)) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_a_server_that_cannot_write_is_explained_and_comes_back_by_itself(
    watched: Watched,
) -> None:
    base, pid = postgres.folder(watched.state), postgres.pid(watched.state)
    assert pid is not None
    data = base / "data"
    data.chmod(0o000)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: watched.lines.has("postgres", "failing"))
    (note,) = [
        note for name, state, note in watched.lines if (name, state) == ("postgres", "failing")
    ]
    assert "ermission denied" in note
    assert str(base) in note
    assert "move it away" not in note
    data.chmod(0o700)
    wait_for(lambda: watched.lines.has("postgres", "ready"), 45)


def test_a_full_disk_is_reported_while_the_server_runs(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(storage, "find_problem", lambda *_: "No space left on device: x.")
        wait_for(lambda: ("disk", "full", "No space left on device: x.") in watched.lines)
    wait_for(lambda: watched.lines.has("disk", "ready"))
    assert len([line for line in watched.lines if line[0] == "disk"]) == 2


def test_a_watch_outlives_what_cannot_be_written(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk raises from wherever something is written, the terminal's log included."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    pid = valkey.pid(watched.state)
    assert pid is not None
    with monkeypatch.context() as patch:
        patch.setattr(home, "write_private", fail)
        patch.setattr(watched.session, "_say_to", fail)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: "valkey" in watched.session._failing)
        failing = watched.session._failing["valkey"]
        wait_for(lambda: watched.session._failing["valkey"].failures > failing.failures)
    wait_for(lambda: watched.lines.has("valkey", "ready"), 45)


def test_the_components_follow_a_server_that_had_to_move(watched: Watched) -> None:
    before = {name: status.pid for name, status in watched.statuses().items()}
    known, pid = valkey.address(watched.state), valkey.pid(watched.state)
    assert known is not None
    assert pid is not None
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        os.kill(pid, signal.SIGKILL)

        def takes_the_port() -> bool:
            try:
                squatter.bind(known)
            except OSError:
                return False
            squatter.listen()
            return True

        while not takes_the_port():
            assert valkey.pid(watched.state) in (pid, None), "it came back before the squatter"
        wait_for(lambda: watched.lines.has("valkey", "moved"))
    assert valkey.address(watched.state) != known
    wait_for(lambda: watched.lines.has("worker", "restarted"))
    for name, status in watched.statuses().items():
        assert status.pid not in (0, before[name])


def test_a_killed_process_manager_comes_back_with_its_components(watched: Watched) -> None:
    old = {process.pid for process in watched.marked()}
    assert len(old) == 3
    manager = min(watched.marked(), key=lambda process: process.create_time())
    manager.kill()
    wait_for(lambda: watched.lines.has("supervisor", "ended"))
    wait_for(lambda: len({process.pid for process in watched.marked()} - old) == 3)
    assert not {process.pid for process in watched.marked()} & old


def test_a_late_component_is_started_when_the_others_are_ready(
    tmp_path: Path, script: Path
) -> None:
    """The session does not wait for it, reports it when ready, and then keeps it running too."""
    lines = Lines()
    session = Session(tmp_path, say=lines.say, with_postgres=False, with_valkey=False)
    early, late = server("early", free_port(), script), server("late", free_port(), script)
    before: list[bool] = []

    def is_ready() -> bool:
        before.append(late.is_ready())
        return len(before) > 5 and early.is_ready()

    try:
        session.start_components([replace(late, is_late=True), replace(early, is_ready=is_ready)])
        assert lines == [("early", "ready", early.note)]
        assert not any(before)
        threading.Thread(target=session.watch, daemon=True).start()
        wait_for(lambda: lines.has("late", "ready"))
        (process,) = [
            process
            for process in processes.marked(MARK, str(tmp_path / "run"))
            if process.cmdline()[-1] == str(late.listener.port if late.listener else 0)
        ]
        process.kill()
        wait_for(lambda: lines.has("late", "restarted"))
        wait_for(late.is_ready)
    finally:
        session.end_watch()
        session.stop()
    assert lines.has("late", "stopped")


def test_stopping_ends_everything_and_says_so(tmp_path: Path, script: Path) -> None:
    running = Watched(tmp_path, script)
    running.start()
    running.session.end_watch()
    begun = time.monotonic()
    running.session.stop()
    assert time.monotonic() - begun < 10
    for name in ("app", "worker", "valkey", "postgres"):
        assert running.lines.has(name, "stopped"), name
    assert running.marked() == []
    assert postgres.pid(tmp_path) is None
    assert valkey.pid(tmp_path) is None


def test_a_start_ends_what_a_killed_one_left_behind(tmp_path: Path, script: Path) -> None:
    first = Watched(tmp_path, script)
    first.start()
    first.session.end_watch()
    # As after kill -9 of the command itself: its lock is gone, its children are not.
    first.session._lock.close()
    left = first.marked()
    assert len(left) == 3

    second = Watched(tmp_path, script)
    try:
        second.session.make_room([])
        assert second.lines.has("leftovers", "ended")
        assert all(processes.is_over(process) for process in left)
    finally:
        second.session.stop()


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    session = Session(tmp_path, say=Lines().say, with_postgres=False, with_valkey=False)
    session.write_pid(4711)
    with pytest.raises(embedded.EmbeddedError, match=r"already runs here \(pid 4711\)"):
        Session(tmp_path, say=Lines().say, with_postgres=False, with_valkey=False)
    session.stop()


def test_a_port_in_use_is_one_sentence(tmp_path: Path, script: Path) -> None:
    session = Session(tmp_path, say=Lines().say, with_postgres=False, with_valkey=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            embedded.EmbeddedError, match=f"Port {port} is in use .*set A_PORT to another port"
        ):
            session.make_room([server("app", port, script)])
    session.stop()


def test_a_component_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    lines = Lines()
    session = Session(tmp_path, say=lines.say, with_postgres=False, with_valkey=False)
    broken = Component(
        name="app",
        command=[sys.executable, "-c", "raise SystemExit('the reason of the failure')"],
        stop_seconds=1,
        note="",
        is_ready=lambda: False,
    )
    try:
        with pytest.raises(embedded.EmbeddedError, match="app did not become ready"):
            session.start_components([broken])
        assert ("", "", "the reason of the failure") in lines
    finally:
        session.stop()
