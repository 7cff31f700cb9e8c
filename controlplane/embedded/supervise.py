"""Runs the components under supervisor: its configuration, its start, and its control."""

import contextlib
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Error as RpcError
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from controlplane.embedded import home, processes
from controlplane.embedded.components import Component
from controlplane.embedded.home import EmbeddedError

GROUP = "taskplane"
MARK = "TASKPLANE_SUPERVISED"
# The operating system's limit for the name of a socket is about 104 bytes, and supervisor adds
# its own process id while it makes one.
SOCKET_NAME_MAX = 85
START_SECONDS = 10
TERM_SECONDS = 10
_LINES_KEPT = 20

_HEAD = """\
[unix_http_server]
file = {socket}
chmod = 0600

[supervisord]
logfile = {logs}/supervisord.log
logfile_maxbytes = 1MB
logfile_backups = 1
pidfile = {run}/supervisord.pid
childlogdir = {logs}
directory = {project}
silent = true

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[group:{group}]
programs = {names}
"""
_PROGRAM = """
[program:{name}]
command = {command}
directory = {project}
environment = TASKPLANE_COMPONENT="{name}",PYTHONUNBUFFERED="1"
autostart = {autostart}
autorestart = true
startsecs = 2
startretries = 10
stopsignal = TERM
stopwaitsecs = {seconds}
killasgroup = true
redirect_stderr = true
stdout_logfile = {logs}/{name}.log
stdout_logfile_maxbytes = 5MB
stdout_logfile_backups = 3
"""


@dataclass(frozen=True)
class Status:
    """One component as supervisor reports it, or the one that it is inside."""

    name: str
    state: str
    pid: int
    reason: str


class Supervisor:
    """One supervisord and the connection to it."""

    def __init__(self, state: Path, components: Sequence[Component]) -> None:
        self.run = home.ensure_folder(state / "run", 0o700)
        self.logs = home.ensure_folder(state / "logs", 0o700)
        self.socket = _socket_path(self.run)
        self._components = [each for each in components if not each.inside]
        self._hosts = {each.name: each.inside for each in components if each.inside}
        self._process: subprocess.Popen[bytes] | None = None

    def log(self, name: str) -> Path:
        return self.logs / f"{self._hosts.get(name, name)}.log"

    def start(self) -> None:
        """Start supervisord, which starts the components.

        Raises:
            EmbeddedError: it does not answer.
        """
        configuration = self.run / "supervisord.conf"
        home.write_private(configuration, self._configuration())
        self.socket.unlink(missing_ok=True)
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(configuration)],
            stdin=subprocess.DEVNULL,
            # Not a file: supervisord reports a log that it cannot write here, and ends when that
            # fails as well, on a full disk.
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, MARK: str(self.run)},
            # Ctrl-C reaches the whole foreground group; the order of stopping is ours.
            start_new_session=True,
        )
        output_lines: deque[str] = deque(maxlen=_LINES_KEPT)
        reader = threading.Thread(target=_read_lines, args=(process, output_lines), daemon=True)
        reader.start()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.socket.exists():
                return
            time.sleep(0.02)
        if process.poll() is not None:
            reader.join(1)
        reason = next(
            (line for line in list(output_lines) if "Error" in line), "it does not answer"
        )
        raise EmbeddedError(f"supervisord could not be started ({reason}): see {self.logs}.")

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def statuses(self) -> list[Status]:
        try:
            with self._rpc() as rpc:
                answer: Any = rpc.supervisor.getAllProcessInfo()
        except (OSError, HTTPException, RpcError):
            return []
        found = {
            one["name"]: Status(one["name"], one["statename"], one["pid"], one["spawnerr"] or "")
            for one in answer
        }
        inside = [replace(found[host], name=name) for name, host in self._hosts.items()]
        return [*found.values(), *inside]

    def start_component(self, name: str) -> None:
        """Start a late component, or one in state FATAL."""
        with contextlib.suppress(OSError, HTTPException, RpcError), self._rpc() as rpc:
            rpc.supervisor.startProcess(f"{GROUP}:{self._hosts.get(name, name)}", False)

    def stop_components(self) -> None:
        with contextlib.suppress(OSError, HTTPException, RpcError), self._rpc() as rpc:
            rpc.supervisor.stopProcessGroup(GROUP, False)

    def restart_components(self) -> None:
        """Stop all components within their stop times, then start them again."""
        with contextlib.suppress(OSError, HTTPException, RpcError), self._rpc() as rpc:
            rpc.supervisor.stopProcessGroup(GROUP)
            rpc.supervisor.startProcessGroup(GROUP, False)

    def stop(self, seconds: float) -> None:
        """End supervisord, by force after `seconds`, and its remaining processes."""
        if self._process is not None and self._process.poll() is None:
            # A signal would wait for the next turn of its loop, up to a second away.
            with contextlib.suppress(OSError, HTTPException, RpcError), self._rpc() as rpc:
                rpc.supervisor.shutdown()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        end_leftovers(self.run, seconds=0)
        self.socket.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _rpc(self) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            yield ServerProxy("http://127.0.0.1", transport=transport)
        finally:
            transport.close()

    def _configuration(self) -> str:
        common = {"project": _escaped(home.PROJECT), "logs": _escaped(self.logs), "group": GROUP}
        names = ",".join(component.name for component in self._components)
        parts = [_HEAD.format(socket=_escaped(self.socket), run=_escaped(self.run), names=names,
                              **common)]  # fmt: skip
        parts += [
            _PROGRAM.format(
                name=component.name,
                command=_escaped(shlex.join(component.command)),
                autostart=str(not component.is_late).lower(),
                seconds=max(1, round(component.stop_seconds)),
                **common,
            )
            for component in self._components
        ]
        return "".join(parts)


def end_leftovers(run: Path, seconds: float = TERM_SECONDS) -> int:
    """End the processes of an earlier start that was killed. Returns how many there were. They are
    identified by an environment variable that names this folder, so a reused process id is never
    signalled.
    """
    found = processes.marked(MARK, str(run))
    if not found:
        return 0
    # supervisord first: it stops its components in their own time.
    found.sort(key=lambda process: process.create_time())
    processes.end(found[0], seconds)
    for process in processes.marked(MARK, str(run)):
        processes.end(process, 0)
    return len(found)


def _read_lines(process: "subprocess.Popen[bytes]", output_lines: "deque[str]") -> None:
    if process.stdout is not None:
        with process.stdout as output:
            output_lines.extend(line.decode(errors="replace").strip() for line in output)


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")


def _socket_path(run: Path) -> Path:
    path = run / "supervisor.sock"
    if len(os.fsencode(path)) <= SOCKET_NAME_MAX:
        return path
    key = hashlib.sha256(os.fsencode(run)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"taskplane-{os.getuid()}-{key}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise EmbeddedError(f"The folder {folder} belongs to another user: remove it.")
    return folder / "supervisor.sock"
