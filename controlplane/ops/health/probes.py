"""Checks with a time limit of their own: a frozen server is reported, never waited for."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

LIMIT_SECONDS = 1.5
# The addresses are open to everybody: whoever hammers them must not hammer the database.
REMEMBER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `detail` says what is wrong and names no secret."""

    is_up: bool
    latency_ms: float | None = None
    detail: str = ""


class Probe:
    """One check, run in a thread of its own, at most one at a time.

    A check that hangs keeps its thread; until it ends, the answer is that nothing answers.
    """

    def __init__(
        self,
        check: Callable[[], None],
        *,
        explain: Callable[[Exception], str],
        limit_seconds: float = LIMIT_SECONDS,
        remember_seconds: float = REMEMBER_SECONDS,
    ) -> None:
        self._check = check
        self._explain = explain
        self._limit_seconds = limit_seconds
        self._remember_seconds = remember_seconds
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def begin(self) -> "_Run":
        """The check under way, or a fresh enough one, or a new one."""
        with self._lock:
            if self._run is None or self._run.is_older_than(self._remember_seconds):
                self._run = _Run(self._check, self._explain)
            return self._run

    def forget(self) -> None:
        """Check again when asked next, whatever was found a moment ago."""
        with self._lock:
            self._run = None

    def finding(self) -> Finding:
        return self.begin().wait(self._limit_seconds)


class _Run:
    def __init__(self, check: Callable[[], None], explain: Callable[[Exception], str]) -> None:
        self._check = check
        self._explain = explain
        self._started = time.monotonic()
        self._done = threading.Event()
        self._finding = Finding(is_up=False)
        self._ended = 0.0
        threading.Thread(target=self._work, name="health-check", daemon=True).start()

    def _work(self) -> None:
        try:
            self._check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that it is down
            self._finding = Finding(is_up=False, detail=self._explain(error))
        else:
            latency = (time.monotonic() - self._started) * 1000
            self._finding = Finding(is_up=True, latency_ms=round(latency, 1))
        self._ended = time.monotonic()
        self._done.set()

    def is_older_than(self, seconds: float) -> bool:
        """Whether it ended longer ago. One that hangs is never old: threads do not pile up."""
        return self._done.is_set() and time.monotonic() - self._ended > seconds

    def wait(self, limit_seconds: float) -> Finding:
        """The finding; at the latest when the check is as old as the limit."""
        left = limit_seconds - (time.monotonic() - self._started)
        if self._done.wait(max(0.0, left)):
            return self._finding
        return Finding(is_up=False, detail=f"No answer within {limit_seconds:g} seconds.")
