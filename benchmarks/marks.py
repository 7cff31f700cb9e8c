"""Marks that handlers leave for the driver, in files: cheap enough not to disturb the measurement.

Times are seconds of CLOCK_MONOTONIC, which all processes of one machine share.
"""

import mmap
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "BENCH_MARKS"
_SPAN = struct.Struct("=Qdd")  # tasks, start of the first, end of the last
_STAMP = struct.Struct("=Id")  # number of the task, its start


@dataclass(frozen=True, slots=True)
class Span:
    """The combined work of the pool children of one worker."""

    tasks: int
    first: float
    last: float


def folder() -> Path:
    """Where the handlers of this process leave marks."""
    return Path(os.environ[VARIABLE])


class _Spans:
    """This process's span, in a file of its own; created again after a fork."""

    def __init__(self) -> None:
        self._pid = 0
        self._tasks = 0
        self._first = 0.0
        self._map: mmap.mmap | None = None

    def note(self, started: float) -> None:
        """Count a handler that began at `started` and has ended now."""
        if self._pid != os.getpid():
            self._open()
        assert self._map is not None  # noqa: S101 - made by _open
        self._tasks += 1
        self._first = self._first or started
        _SPAN.pack_into(self._map, 0, self._tasks, self._first, time.monotonic())

    def _open(self) -> None:
        self._pid, self._tasks, self._first = os.getpid(), 0, 0.0
        unfinished = folder() / f"{self._pid}.new"
        with unfinished.open("w+b") as file:
            file.truncate(_SPAN.size)
            self._map = mmap.mmap(file.fileno(), _SPAN.size)
        # The driver reads spans at any time, and an empty file is none.
        unfinished.rename(unfinished.with_suffix(".span"))


_spans = _Spans()


def note_run(started: float) -> None:
    """Leave the mark of a handler that began at `started` and ends now."""
    _spans.note(started)


def read_span(at: Path) -> Span:
    """The work of all handlers since the folder was emptied."""
    parts = [_SPAN.unpack(path.read_bytes()) for path in at.glob("*.span")]
    done = [part for part in parts if part[0]]
    return Span(
        tasks=sum(tasks for tasks, _, _ in done),
        first=min((first for _, first, _ in done), default=0.0),
        last=max((last for _, _, last in done), default=0.0),
    )


def stamp_start(number: int) -> None:
    """Leave the time at which the handler of task `number` began: now."""
    data = _STAMP.pack(number, time.monotonic())
    # Opened each time: an append of one small record is whole, from however many processes.
    fd = os.open(folder() / "stamps", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def read_stamps(at: Path) -> dict[int, float]:
    """The start of each task that has begun, by its number."""
    try:
        data = (at / "stamps").read_bytes()
    except FileNotFoundError:
        return {}
    return dict(_STAMP.iter_unpack(data))


def clear(at: Path) -> None:
    """Empty the folder; no handler may be running."""
    at.mkdir(parents=True, exist_ok=True)
    for path in at.iterdir():
        path.unlink()


def wait_until(
    condition: Callable[[], bool], what: str, *, seconds: float, every: float = 0.02
) -> None:
    """Poll until the condition holds. Raises TimeoutError with `what`."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(f"Timed out after {seconds:g} s: {what}.")
        time.sleep(every)
