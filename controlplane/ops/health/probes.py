"""Checks with a time limit: a frozen server is reported, and nothing waits for it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

LIMIT_SECONDS = 1.5
# The endpoints are public: many requests must not overload the database.
REMEMBER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check. `detail` explains the problem and contains no secret."""

    is_up: bool
    latency_ms: float | None = None
    detail: str = ""


class Probe:
    """One check, run in its own thread, at most one at a time. A check that hangs keeps its thread;
    until it ends, the result is that there is no answer.
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
        """The running check, or a recent one, or a new one."""
        with self._lock:
            if self._run is None or self._run.is_older_than(self._remember_seconds):
                self._run = _Run(self._check, self._explain)
            return self._run

    def forget(self) -> None:
        """Discard the last result, so that the next call checks again."""
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
        """Whether it ended longer ago. A hanging check is never old, so threads do not
        accumulate."""
        return self._done.is_set() and time.monotonic() - self._ended > seconds

    def wait(self, limit_seconds: float) -> Finding:
        """The result, at the latest when the check is as old as the limit."""
        left = limit_seconds - (time.monotonic() - self._started)
        if self._done.wait(max(0.0, left)):
            return self._finding
        return Finding(is_up=False, detail=f"No answer within {limit_seconds:g} seconds.")
