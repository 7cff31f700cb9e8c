"""The simulated workers: starting, ready, draining; first come, first served."""

import heapq
import random
from collections import deque
from dataclasses import dataclass

from scaling.strategies.runtimes import BINS, CAP_SECONDS, RunTimes, bin_of


@dataclass(slots=True)
class Worker:
    """Seconds at which it was requested and will be ready, and its slots."""

    asked: float
    ready: float
    slots: tuple[int, ...]


class Fleet:
    """Slots in a heap by the time at which they are free; a worker's time is paid from the
    request for it until it is gone.
    """

    def __init__(self, slots: int, startup: tuple[float, float], rng: random.Random) -> None:
        self.slots_each = slots
        self._startup = startup
        self._rng = rng
        self._next = 0
        self.starting: list[Worker] = []
        self.ready: list[Worker] = []
        self.heap: list[tuple[float, int]] = []
        # When each will be gone, and the run times of the tasks that it finishes.
        self.draining: list[tuple[float, list[float]]] = []
        self.began: dict[int, float] = {}
        self.running: dict[int, float] = {}  # slot → run time of its newest task
        self.paid = 0.0
        self.startups: list[float] = []
        self.cut_tasks, self.cut_seconds = 0, 0.0

    @property
    def workers(self) -> int:
        """Without those that drain."""
        return len(self.starting) + len(self.ready)

    def launch(self, at: float, *, at_once: bool = False) -> None:
        delay = 0.0 if at_once else self._rng.uniform(*self._startup)
        slots = tuple(range(self._next, self._next + self.slots_each))
        self._next += self.slots_each
        if not at_once:
            self.startups.append(delay)
        self.starting.append(Worker(at, at + delay, slots))

    def admit(self, until: float) -> None:
        """Let those serve that are ready before this time."""
        for worker in [each for each in self.starting if each.ready < until]:
            self.starting.remove(worker)
            self.ready.append(worker)
            for slot in worker.slots:
                heapq.heappush(self.heap, (worker.ready, slot))

    def retire(self, at: float, *, drains: bool = True, grace: float = 30.0) -> None:
        """Terminate one worker: a starting one, otherwise an idle one, otherwise the one with the
        youngest tasks. A policy that does not drain takes the newest worker, whose tasks would be
        killed after the grace period; they are counted, but still finished, so that every policy
        does the same work.
        """
        if self.starting:
            worker = max(self.starting, key=lambda each: each.ready)
            self.starting.remove(worker)
            self.paid += at - worker.asked
            return
        free = {slot: time for time, slot in self.heap}
        if drains:
            worker = min(self.ready, key=lambda each: self._work_at_risk(each, free, at))
        else:
            worker = self.ready[-1]
            self._count_cut(worker, free, at, grace)
        self.ready.remove(worker)
        gone = max([at, *(free[slot] for slot in worker.slots)])
        self.paid += gone - worker.asked
        self.draining.append(
            (gone, [self.running[slot] for slot in worker.slots if slot in self.running])
        )
        self.heap = [entry for entry in self.heap if entry[1] not in worker.slots]
        heapq.heapify(self.heap)
        for slot in worker.slots:
            self.began.pop(slot, None)
            self.running.pop(slot, None)

    def close(self, at: float) -> None:
        """End the day: remaining workers are paid until now."""
        for worker in self.starting + self.ready:
            self.paid += at - worker.asked

    def ages(self, at: float) -> tuple[float, ...]:
        return tuple(at - self.began[slot] for free, slot in self.heap if free > at)

    def remove_drained(self, at: float) -> list[float]:
        """Remove drained workers. Returns the run times of the tasks that they finished."""
        ended = [seconds for gone, tasks in self.draining if gone <= at for seconds in tasks]
        self.draining = [entry for entry in self.draining if entry[0] > at]
        return ended

    def _work_at_risk(self, worker: Worker, free: dict[int, float], at: float) -> float:
        """0 for an idle worker, otherwise the ages of its tasks: old tasks will last longest."""
        return sum(at - self.began[slot] + 1e-6 for slot in worker.slots if free[slot] > at)

    def _count_cut(self, worker: Worker, free: dict[int, float], at: float, grace: float) -> None:
        for slot in worker.slots:
            if free[slot] > at + grace:
                self.cut_tasks += 1
                self.cut_seconds += at + grace - self.began[slot]


_NEWEST = 1_000


class Durations:
    """The last 1,000 run times; each costs the same, however many there are."""

    def __init__(self) -> None:
        self._newest: deque[tuple[float, int]] = deque()
        self._counts = [0] * BINS
        self._total = self._capped = 0.0
        self._fresh: RunTimes | None = None

    def add(self, seconds: float) -> None:
        self._fresh = None
        k = bin_of(seconds)
        self._newest.append((seconds, k))
        self._counts[k] += 1
        self._total += seconds
        self._capped += min(seconds, CAP_SECONDS)
        if len(self._newest) > _NEWEST:
            old, bin_ = self._newest.popleft()
            self._counts[bin_] -= 1
            self._total -= old
            self._capped -= min(old, CAP_SECONDS)

    def summary(self) -> RunTimes:
        if self._fresh is None:
            n = max(1, len(self._newest))
            self._fresh = RunTimes(self._total / n, self._capped / n, tuple(self._counts))
        return self._fresh
