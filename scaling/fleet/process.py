"""Workers as processes of this host, which only the loop supervises. Each has a file with its
process id and whether it was asked to end, so that the next loop knows it too. A process id alone
is not enough: the environment of the process must name that file. A worker whose file was never
written, because the loop was killed at that moment, is found by its environment.
"""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Self
from uuid import uuid4

import psutil
from django.conf import settings

from controlplane.embedded import home, processes
from scaling.fleet.base import FleetError, Member, Phase, describe_end, find_error_line
from scaling.fleet.process_host import ProcessLogs, free_bytes

MARK = "TASKPLANE_FLEET_MEMBER"
# What a worker starts inherits its environment: of all these only the worker itself has this pid.
PID_MARK = "TASKPLANE_FLEET_PID"
_ANNOUNCED = f'{PID_MARK}=$$ exec "$@"'

USUAL_STARTUP = 10.0
WORKER_BYTES = 200_000_000
# After the grace a worker interrupts what still runs, and hands it back.
AFTER_GRACE_SECONDS = 3.5
_GROWS = timedelta(seconds=15)  # until a worker has taken its memory
_TIDY_SECONDS = 60.0
_POLL_SECONDS = 0.05
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Record:
    """The content of a worker's file."""

    key: str
    pid: int
    started_at: str
    stop_sent: bool = False


@dataclass
class ProcessFleet:
    """The worker processes of one state folder.

    command: starts a worker. folder: for the files; fleets with different folders never touch each
    other's workers. grace_seconds: the grace period of the workers, after which they interrupt
    running tasks.
    """

    command: Sequence[str]
    folder: Path
    logs: ProcessLogs
    grace_seconds: float
    name: str = "process"
    moves: bool = True
    usual_startup: float = USUAL_STARTUP
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, init=False)
    _ended_at: dict[str, datetime] = field(default_factory=dict, init=False)
    _lock: IO[str] | None = field(default=None, init=False)
    _tidied_at: float = field(default=-_TIDY_SECONDS, init=False)

    @classmethod
    def from_settings(cls) -> Self:
        state = home.home()
        return cls(
            command=[sys.executable, "manage.py", "worker"],
            folder=Path(settings.TASKPLANE["STATE_DIR"]) / "fleet",
            logs=ProcessLogs(state / "logs"),
            grace_seconds=settings.TASKPLANE["SHUTDOWN_GRACE_SECONDS"],
        )

    def list_members(self) -> list[Member]:
        """All workers that fleets of this state folder started on this host and did not clear."""
        with self._usable():
            records = self._read()
            if time.monotonic() - self._tidied_at > _TIDY_SECONDS:
                self._tidied_at = time.monotonic()
                self.logs.tidy(records)
            return [self._describe(record) for record in records.values()]

    def start(self, count: int) -> list[str]:
        """Raises FleetError also if the host has too little memory for them."""
        if count <= 0:
            return []
        with self._usable():
            young = [r for r in self._read().values() if _is_young(r) and self._is_alive(r)]
            _require_room(count, len(young))
            return [self._start_one() for _ in range(count)]

    def fence(self, keys: Sequence[str]) -> None:
        """Nothing restarts a process, so this only checks that the folder exists."""
        with self._usable():
            self._read()

    def stop(self, keys: Sequence[str]) -> None:
        """Send SIGTERM to the worker only: it ends its own processes itself."""
        with self._usable():
            records = self._read()
            for key in keys:
                if key in records and not records[key].stop_sent and self._is_alive(records[key]):
                    self._send_stop(records[key])

    def clear(self, keys: Sequence[str]) -> None:
        """Remove the file of a worker; its log stays for a while."""
        with self._usable():
            records = self._read()
            for key in keys:
                if key in records and not self._is_alive(records[key]):
                    self._children.pop(key, None)
                    self._ended_at.pop(key, None)
                    self._path(key).unlink(missing_ok=True)

    def close(self) -> None:
        """Stop the workers, and wait as long as they may take. If another loop runs on this host
        with the same folder, they stay, and it takes them over."""
        with self._usable():
            records = self._read()
            if not self._is_last():
                return
            for record in records.values():
                if not record.stop_sent and self._is_alive(record):
                    self._send_stop(record)
            give_up = time.monotonic() + self.grace_seconds + AFTER_GRACE_SECONDS
            while any(map(self._is_alive, records.values())) and time.monotonic() < give_up:
                time.sleep(_POLL_SECONDS)
            self.clear(list(records))
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _start_one(self) -> str:
        started = datetime.now(UTC)
        key = f"{started:%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
        with self.logs.path(key).open("ab") as output:
            child = subprocess.Popen(
                ["/bin/sh", "-c", _ANNOUNCED, "sh", *self.command],
                cwd=home.PROJECT,
                env={**os.environ, MARK: str(self._path(key)), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C in a terminal reaches the whole group of its foreground.
                start_new_session=True,
            )
        self._children[key] = child
        self._write(Record(key, child.pid, started.isoformat()))
        return key

    def _send_stop(self, record: Record) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended this moment
            os.kill(record.pid, signal.SIGTERM)
        self._write(replace(record, stop_sent=True))

    def _describe(self, record: Record) -> Member:
        phase, detail = Phase.STOPPING if record.stop_sent else Phase.RUNNING, ""
        if not self._is_alive(record):
            phase, detail = Phase.ENDED, self._explain(record)
        return Member(
            key=record.key,
            phase=phase,
            host=socket.gethostname(),
            pid=record.pid,
            started_at=datetime.fromisoformat(record.started_at),
            detail=detail,
        )

    def _explain(self, record: Record) -> str:
        """How it ended; empty after a normal end."""
        child = self._children.get(record.key)
        status = child.returncode if child is not None else None
        if status == 0 or record.stop_sent:
            return ""
        # When it was first seen to have ended: it is looked at once a second while one starts.
        seen_at = self._ended_at.setdefault(record.key, datetime.now(UTC))
        ran = seen_at - datetime.fromisoformat(record.started_at)
        return describe_end(
            status,
            seconds=ran.total_seconds() if child is not None else None,
            error_line=find_error_line(self.logs.last_lines(record.key)),
        )

    def _is_alive(self, record: Record) -> bool:
        child = self._children.get(record.key)
        if child is not None:
            return child.poll() is None  # which also reaps it
        try:
            process = psutil.Process(record.pid)
            marked = process.environ().get(MARK) == str(self._path(record.key))
            return marked and not processes.is_over(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False  # of another user: the number belongs to another program now

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _write(self, record: Record) -> None:
        home.write_json(self._path(record.key), asdict(record))

    def _read(self) -> dict[str, Record]:
        """All records by key, oldest first. The first call for a folder writes the records of
        workers that have none."""
        if self._lock is None or not self.folder.is_dir():
            home.ensure_folder(self.folder, 0o700)
            if self._lock is not None:
                self._lock.close()
            self._lock = self._share_lock()
            self._adopt()
        records = {}
        for path in sorted(self.folder.glob("*.json")):
            kept: dict[str, Any] = home.read_json(path)
            if "told" in kept:  # its name before
                kept["stop_sent"] = kept.pop("told")
            with contextlib.suppress(TypeError):  # not written by us
                records[path.stem] = Record(**kept)
        return records

    def _adopt(self) -> None:
        for process in psutil.process_iter():
            try:
                marks = process.environ()
                path = Path(marks.get(MARK, "/"))
                if path.parent != self.folder or marks.get(PID_MARK) != str(process.pid):
                    continue
                started = datetime.fromtimestamp(process.create_time(), UTC)
            except (psutil.Error, OSError):
                continue  # of another user, or ended just now
            if not path.exists():
                self._write(Record(path.stem, process.pid, started.isoformat()))

    def _share_lock(self) -> IO[str]:
        """A lock that all loops of this folder share: a loop that holds it alone is the last
        one."""
        file = (self.folder / "lock").open("w")
        fcntl.flock(file, fcntl.LOCK_SH)
        return file

    def _is_last(self) -> bool:
        if self._lock is None:
            return True
        try:
            # One that fails has given up its share, so of two that end at once one is the last.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FleetError(
                f"The workers in {self.folder} cannot be managed ({error.strerror or error}): "
                "make that folder and the logs beside it writable, or set TASKPLANE_HOME."
            ) from error


def _is_young(record: Record) -> bool:
    return datetime.fromisoformat(record.started_at) > datetime.now(UTC) - _GROWS


def _require_room(count: int, young: int) -> None:
    # New workers have not yet allocated all their memory.
    free = max(0, free_bytes() - young * WORKER_BYTES)
    needed = count * WORKER_BYTES
    if free < needed:
        more = "1 more worker wants" if count == 1 else f"{count} more workers want"
        raise FleetError(
            f"{more} about {needed / _GIB:.1f} GiB of memory and this host has "
            f"{free / _GIB:.1f} GiB left: lower MAX_WORKERS or WORKER_CONCURRENCY, or add memory."
        )
