"""One run of everything on this machine: start in order, watch, stop in order."""

import contextlib
import fcntl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from controlplane.embedded import home, postgres, processes, storage, valkey
from controlplane.embedded.components import Component, port_problem
from controlplane.embedded.home import EmbeddedError
from controlplane.embedded.supervise import Status, Supervisor, end_leftovers

READY_SECONDS = 60
PATIENCE_SECONDS = 15
POLL_SECONDS = 0.1
WATCH_SECONDS = 0.5
# Everything must be down within ten seconds; the rest of them is for the embedded servers.
COMPONENTS_STOP_SECONDS = 8.5
SUPERVISOR_STOP_SECONDS = 1.2
QUIET_FAILURES = 5
MAX_PAUSE_SECONDS = 30
GIVEN_UP_RETRY_SECONDS = 10
LOG_LINES = 8

ENDED = ("STOPPED", "EXITED", "FATAL")
TROUBLED = ("BACKOFF", "FATAL")

Say = Callable[[str, str, str], None]


@dataclass(frozen=True)
class _Failing:
    """A server or component that does not start. due: time of the next attempt; is_full: the next
    attempt is made as soon as the disk has room."""

    failures: int = 0
    due: float = 0.0
    is_full: bool = False
    is_reported: bool = False


class Session:
    """Starts, watches and stops; `say(name, state, note)` reports progress to a person."""

    def __init__(self, state: Path, *, say: Say, with_postgres: bool, with_valkey: bool) -> None:
        self.state = home.ensure_folder(state)
        self._say_to = say
        self._servers = [
            *([("postgres", postgres)] if with_postgres else []),
            *([("valkey", valkey)] if with_valkey else []),
        ]
        self._supervisor: Supervisor | None = None
        self._components: Sequence[Component] = ()
        self._pids: dict[str, int] = {}
        self._late: dict[str, Component] = {}
        self._failing: dict[str, _Failing] = {}
        self._given_up: dict[str, float] = {}
        self._is_disk_full = False
        self._ending, self._ended = threading.Event(), threading.Event()
        self._lock = self._take_lock()

    def _take_lock(self) -> IO[str]:
        run = home.ensure_folder(self.state / "run", 0o700)
        file = (run / "up.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            pid = file.read().strip()
            file.close()
            raise EmbeddedError(
                f"Taskplane already runs here (pid {pid}): use it, or stop it with Ctrl-C there."
            ) from None
        return file

    def _say(self, name: str, state: str, note: str) -> None:
        # The output may be a file on the very disk that is full.
        with contextlib.suppress(OSError):
            self._say_to(name, state, note)

    def write_pid(self, pid: int) -> None:
        """Write the process id to the file that a second start reads."""
        self._lock.truncate(0)
        self._lock.write(str(pid))
        self._lock.flush()

    def make_room(self, components: Sequence[Component]) -> None:
        """End what an earlier start left behind, and check that the ports are free. Raises
        EmbeddedError: another program has a port."""
        if count := end_leftovers(self.state / "run"):
            self._say("leftovers", "ended", f"{count} processes of a start that was killed")
        for component in components:
            problem = component.listener and port_problem(component.listener)
            if problem:
                raise EmbeddedError(problem)

    def start_servers(self) -> None:
        """Start the embedded servers. Raises EmbeddedError: a server cannot be started."""
        for _, server in self._servers:
            server.start(self.state)

    def say_servers(self) -> None:
        for name, _ in self._servers:
            self._say(name, "ready", f"embedded, 127.0.0.1:{_port(self.state, name)}")

    def start_components(self, components: Sequence[Component]) -> None:
        """Start the components and wait until each one is ready; the late ones are started then.
        Raises EmbeddedError: a component does not become ready."""
        self._components = components
        self._supervisor = Supervisor(self.state, components)
        self._supervisor.start()
        self._wait_until_ready(self._supervisor)

    def _wait_until_ready(self, supervisor: Supervisor) -> None:
        waiting = {each.name: each for each in self._components if not each.is_late}
        deadline = time.monotonic() + READY_SECONDS
        patience = time.monotonic() + PATIENCE_SECONDS
        while waiting:
            for status in supervisor.statuses():
                component = waiting.get(status.name)
                if component is None:
                    continue
                if status.state in TROUBLED or time.monotonic() > deadline:
                    self._show_log(status)
                    raise EmbeddedError(
                        f"The {status.name} did not become ready: the last lines of its log are "
                        f"above, the whole of it is in {supervisor.log(status.name)}."
                    )
                if status.pid and component.is_ready():
                    del waiting[status.name]
                    self._pids[status.name] = status.pid
                    self._say(status.name, "ready", component.note)
            if not supervisor.is_alive():
                raise EmbeddedError(f"supervisord ended: see {supervisor.logs}.")
            if waiting and time.monotonic() > patience:
                patience = deadline
                for name in waiting:
                    self._say(name, "waiting", f"its log is {supervisor.log(name)}")
            time.sleep(POLL_SECONDS)
        self._start_late(supervisor)

    def _start_late(self, supervisor: Supervisor) -> None:
        self._late = {each.name: each for each in self._components if each.is_late}
        for name in self._late:
            supervisor.start_component(name)

    def watch(self) -> None:
        """Restart and report processes that end, until an interrupt or `end_watch`."""
        while not self._ending.is_set():
            self._report_disk()
            self._restart_servers()
            self._restart_supervisor()
            self._report_changes()
            self._ending.wait(WATCH_SECONDS)
        self._ended.set()

    def end_watch(self) -> None:
        """End a watch in another thread, and wait until it has ended."""
        self._ending.set()
        self._ended.wait(READY_SECONDS)

    def _report_disk(self) -> None:
        """Report a full disk: a server without room may keep running and refuse writes."""
        if not self._servers:
            return
        problem = storage.find_problem(self.state / "postgres")
        if problem and not self._is_disk_full:
            self._say("disk", "full", problem)
        elif self._is_disk_full and not problem:
            self._say("disk", "ready", "there is room again")
        self._is_disk_full = bool(problem)

    def _restart_servers(self) -> None:
        for name, server in self._servers:
            if server.pid(self.state) is not None or self._must_wait(name):
                continue
            if name not in self._failing:
                self._say(name, "ended", "starting it again")
            before = _port(self.state, name)
            try:
                server.start(self.state)
            except EmbeddedError as error:
                # At first, processes of the killed server still hold its files.
                self._count_failure(name, str(error))
            else:
                self._failing.pop(name, None)
                self._say(name, "ready", f"embedded, 127.0.0.1:{_port(self.state, name)}")
                if _port(self.state, name) != before:
                    self._follow(name)

    def _follow(self, server: str) -> None:
        """Another program took the server's port: the components have only the old address."""
        if self._supervisor is not None:
            self._say(server, "moved", "restarting the components with its new port")
            self._supervisor.restart_components()

    def _must_wait(self, name: str) -> bool:
        """Whether the pause after a failure is still on; with a full disk, it lasts until there is
        room."""
        failing = self._failing.get(name)
        if failing is None or time.monotonic() >= failing.due:
            return False
        return not (failing.is_full and not storage.find_problem(self.state / name))

    def _count_failure(self, name: str, reason: str) -> None:
        before = self._failing.get(name, _Failing())
        failures = before.failures + 1
        is_full = bool(storage.find_problem(self.state / name))
        is_storage = is_full or storage.names_cause(reason)
        pause = min(MAX_PAUSE_SECONDS, WATCH_SECONDS * 2**failures)
        # A write failure is reported at once; the figures in it change all the time.
        is_new = is_storage and not before.is_reported
        is_new = is_new or failures == QUIET_FAILURES
        if is_new:
            self._say(name, "failing", f"{reason} The next try is in at most {pause:g} s.")
        self._failing[name] = _Failing(
            failures, time.monotonic() + pause, is_full, before.is_reported or is_new
        )

    def _restart_supervisor(self) -> None:
        name = "supervisor"
        if self._supervisor is None or self._supervisor.is_alive() or self._must_wait(name):
            return
        self._say(name, "ended", "starting it and the components again")
        end_leftovers(self.state / "run")
        try:
            self._supervisor.start()
            self._wait_until_ready(self._supervisor)
        except (EmbeddedError, OSError) as error:
            self._count_failure(name, storage.explain(str(error), self.state, str(error)))
        else:
            self._failing.pop(name, None)

    def _report_changes(self) -> None:
        if self._supervisor is None:
            return
        for status in self._supervisor.statuses():
            if status.state in TROUBLED:
                self._report_trouble(self._supervisor, status)
            elif status.name in self._late:
                self._report_late(status)
            elif status.pid and status.pid != self._pids.get(status.name):
                self._pids[status.name] = status.pid
                self._say(status.name, "restarted", f"after it had ended; now pid {status.pid}")

    def _report_late(self, status: Status) -> None:
        component = self._late[status.name]
        if status.pid and component.is_ready():
            del self._late[status.name]
            self._pids[status.name] = status.pid
            self._say(status.name, "ready", component.note)

    def _report_trouble(self, supervisor: Supervisor, status: Status) -> None:
        known = self._pids.pop(status.name, None), self._late.pop(status.name, None)
        if any(each.inside for each in self._components if each.name == status.name):
            return  # what it is inside is reported, and started again
        if known != (None, None):
            self._say(status.name, "failing", f"see {supervisor.log(status.name)}")
            self._show_log(status)
        due = self._given_up.get(status.name, 0.0)
        if status.state == "FATAL" and time.monotonic() > due:
            self._given_up[status.name] = time.monotonic() + GIVEN_UP_RETRY_SECONDS
            supervisor.start_component(status.name)

    def _show_log(self, status: Status) -> None:
        if self._supervisor is None:
            return
        lines = processes.tail(self._supervisor.log(status.name), LOG_LINES)
        for line in lines or [status.reason or "(its log is empty)"]:
            self._say("", "", line)

    def stop(self) -> None:
        """Stop the components, then the embedded servers, with a line for each."""
        if self._supervisor is not None:
            self._stop_components(self._supervisor)
            self._supervisor.stop(SUPERVISOR_STOP_SECONDS)
        for name, server in reversed(self._servers):
            if server.stop(self.state):
                self._say(name, "stopped", "")
        self._lock.close()

    def _stop_components(self, supervisor: Supervisor) -> None:
        allowed = max([COMPONENTS_STOP_SECONDS, *(c.stop_seconds for c in self._components)])
        deadline = time.monotonic() + allowed
        left = {component.name for component in self._components}
        supervisor.stop_components()
        while left and time.monotonic() < deadline and supervisor.is_alive():
            for status in supervisor.statuses():
                if status.name in left and status.state in ENDED:
                    left.discard(status.name)
                    self._say(status.name, "stopped", "")
            time.sleep(POLL_SECONDS)
        for name in sorted(left):
            self._say(name, "killed", "it did not stop in time")


def _port(state: Path, name: str) -> object:
    return home.read_json(state / f"{name}.json").get("port")
