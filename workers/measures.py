"""CPU and memory of a worker's whole process tree."""

import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_percent`: since the last measurement, 100 being one core. `memory_bytes`: proportional
    set size (PSS), in which a page that forked processes share counts once; resident set size where
    the system does not report it."""

    cpu_percent: float
    memory_bytes: int
    processes: int


class ProcessTreeMeter:
    """Measures a process and all below it.

    The CPU of a process that ends between two measurements is lost from its last measurement on.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._at = time.monotonic()
        self._seconds: dict[tuple[int, float], float] = {}
        self._look()

    def measure(self) -> Usage:
        before, since = self._seconds, self._at
        memory = self._look()
        # A process that was not there before began since then: all it used is of this interval.
        used = sum(max(0.0, s - before.get(key, 0.0)) for key, s in self._seconds.items())
        elapsed = max(self._at - since, 0.001)
        return Usage(
            cpu_percent=round(100 * used / elapsed, 1),
            memory_bytes=memory,
            processes=len(self._seconds),
        )

    def _look(self) -> int:
        """Read CPU seconds of all; the memory of all."""
        seconds: dict[tuple[int, float], float] = {}
        memory = 0
        for process in _tree(self._pid):
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    seconds[process.pid, process.create_time()] = times.user + times.system
                    memory += _memory(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        self._seconds, self._at = seconds, time.monotonic()
        return memory


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _memory(process: psutil.Process) -> int:
    try:
        pss: int | None = getattr(process.memory_full_info(), "pss", None)
    except psutil.AccessDenied:
        pss = None
    return int(process.memory_info().rss if pss is None else pss)
