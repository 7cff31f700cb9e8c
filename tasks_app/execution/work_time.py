"""The time that a handler takes, without its waits for a CPU.

On a full machine a short handler takes long, since it waits for a core. Batches that are sized by
such times get small just when a commit for each task is dearest.
"""

import os
from collections.abc import Callable

# The file of the thread that opens it: its time on a CPU and its time in the queue for one, both in
# nanoseconds, and a count.
_SCHEDSTAT = "/proc/thread-self/schedstat"
_LENGTH = 128
# Shorter handlers have not waited: to look would cost more than they take.
_NOTICEABLE_MS = 0.5
# A result waits for its neighbours in the batch, whatever they wait for: their waits shorten a time
# to a quarter at most.
_MIN_SHARE = 0.25

_open, _read, _close = os.open, os.read, os.close  # a handler may replace those of `os`


def read_cpu_wait_ms() -> float:
    """How long this thread has waited for a CPU so far; 0 where the system does not count it."""
    try:
        descriptor = _open(_SCHEDSTAT, os.O_RDONLY)
    except OSError:
        return 0.0
    try:
        return int(_read(descriptor, _LENGTH).split()[1]) / 1_000_000
    finally:
        _close(descriptor)


class WorkTime:
    """The work of one thread: times of the clock, less its waits since the last look."""

    def __init__(self, read_wait_ms: Callable[[], float] = read_cpu_wait_ms) -> None:
        self._read_wait_ms = read_wait_ms
        self._began_at = 0.0
        self._seen = 0.0

    def begin(self) -> None:
        """A batch begins."""
        self._began_at = self._seen = self._read_wait_ms()

    def of_handler(self, run_ms: float) -> float:
        """The work in `run_ms` of the handler that has just ended."""
        if run_ms < _NOTICEABLE_MS:
            return run_ms
        waited = self._read_wait_ms()
        before, self._seen = self._seen, waited
        return _without(run_ms, waited - before)

    def of_batch(self, elapsed_ms: float) -> float:
        """The work in the `elapsed_ms` since `begin`."""
        return _without(elapsed_ms, self._read_wait_ms() - self._began_at)


def _without(elapsed_ms: float, waited_ms: float) -> float:
    # Below zero where the count could not be read a second time.
    return max(elapsed_ms - max(0.0, waited_ms), elapsed_ms * _MIN_SHARE)
