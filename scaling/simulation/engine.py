"""Simulates one trace with one policy."""

import heapq
import random
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scaling.simulation.fleet import Durations, Fleet
from scaling.simulation.traces import Trace
from scaling.strategies.decision import Memory, Outcome
from scaling.strategies.inputs import Demand, Forecast, Settings

TICK = 10.0  # seconds between two decisions
_RATE_WINDOW = 120.0
_MIN_WINDOW = 30.0
_HOUR_TICKS = 360
_AHEAD = 900.0  # how far schedules are read
_DEFAULT_STARTUP = 60.0


class Policy(Protocol):
    """A policy: a strategy, or the rule of another autoscaler."""

    @property
    def name(self) -> str:
        """For the table."""

    @property
    def drains(self) -> bool:
        """Whether it chooses whom to stop and lets tasks end, or stops the newest worker."""

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        """The desired number of workers now."""


@dataclass(slots=True)
class Played:
    """The result. waits: seconds from arrival to start of all tasks, in order of arrival; for a
    task that never started, its wait until the end. changes: (second, workers before, workers
    after).
    """

    waits: list[float]
    paid_seconds: float
    changes: list[tuple[float, int, int]]
    cut_tasks: int
    cut_seconds: float
    decisions: list[tuple[Demand, Memory, Outcome]] = field(default_factory=list)


class Simulation:
    """Discrete events between ticks, one decision at each tick."""

    def __init__(
        self,
        trace: Trace,
        policy: Policy,
        settings: Settings,
        *,
        startup: tuple[float, float] = (30.0, 60.0),
        forecasts: Sequence[Forecast | None] = (),
        first_workers: int | None = None,
        keep: bool = False,
    ) -> None:
        self.trace, self.policy, self.settings = trace, policy, settings
        # The start-up times are the same for every policy, as far as they launch alike.
        self.fleet = Fleet(settings.slots, startup, random.Random(f"startup {trace.seed}"))
        self.forecasts = forecasts
        self.durations = Durations()
        self.waits: list[float] = []
        self.changes: list[tuple[float, int, int]] = []
        self.memory = Memory()
        self.keep = keep
        self.kept: list[tuple[Demand, Memory, Outcome]] = []
        self._checked = 0
        self._on_time: deque[tuple[int, int]] = deque()
        self._started = self._within = 0
        for _ in range(settings.min_workers if first_workers is None else first_workers):
            self.fleet.launch(0.0, at_once=True)
        self.fleet.admit(TICK / 2)

    def play(self) -> Played:
        at = 0.0
        while at < self.trace.seconds:
            if at > 0:
                self._advance(at)
            self._decide(at)
            at += TICK
        self._advance(self.trace.seconds)
        self.fleet.close(self.trace.seconds)
        begun = len(self.waits)
        self.waits += [self.trace.seconds - a for a in self.trace.arrivals[begun:]]
        fleet = self.fleet
        return Played(
            self.waits, fleet.paid, self.changes, fleet.cut_tasks, fleet.cut_seconds, self.kept
        )

    def _advance(self, until: float) -> None:
        """Start tasks that can start before `until`, in order, each on the slot that has been free
        longest."""
        fleet, waits = self.fleet, self.waits
        fleet.admit(until)
        heap, began, running = fleet.heap, fleet.began, fleet.running
        arrivals, run_times = self.trace.arrivals, self.trace.run_times
        replace, ended = heapq.heapreplace, self.durations.add
        i, n = len(waits), len(arrivals)
        while i < n and heap:
            arrival = arrivals[i]
            free, slot = heap[0]
            start = arrival if arrival > free else free  # noqa: FURB136 - twice as fast
            if start >= until:
                break
            if slot in running:
                ended(running[slot])
            duration = run_times[i]
            began[slot] = start
            running[slot] = duration
            replace(heap, (start + duration, slot))
            waits.append(start - arrival)
            i += 1
        for free, slot in heap:
            if free <= until and slot in running:
                ended(running.pop(slot))
        for duration in fleet.remove_drained(until):
            ended(duration)

    def _decide(self, at: float) -> None:
        demand = self._demand(at)
        before = self.memory
        outcome = self.policy.decide(demand, self.settings, before)
        self.memory = outcome.memory
        if self.keep:
            self.kept.append((demand, before, outcome))
        now, desired = self.fleet.workers, outcome.desired
        if desired == now:
            return
        self.changes.append((at, now, desired))
        for _ in range(now, desired):
            self.fleet.launch(at)
        for _ in range(desired, now):
            self.fleet.retire(at, drains=self.policy.drains)

    def _demand(self, at: float) -> Demand:
        trace, fleet = self.trace, self.fleet
        begun = len(self.waits)
        arrived = bisect_left(trace.arrivals, at, begun)
        window = min(_RATE_WINDOW, max(at, _MIN_WINDOW))
        recent = arrived - bisect_left(trace.arrivals, at - window)
        started, on_time = self._count_on_time()
        return Demand(
            at=trace.epoch + at,
            measured_at=trace.epoch + at,
            waiting=arrived - begun,
            oldest=at - trace.arrivals[begun] if arrived > begun else 0.0,
            per_second=recent / window,
            run_times=self.durations.summary(),
            ages=fleet.ages(at),
            ready=len(fleet.ready),
            starting=tuple(worker.ready - at for worker in fleet.starting),
            draining=len(fleet.draining),
            startup=self._startup(),
            started=started,
            on_time=on_time,
            forecast=self.forecasts[int(at // 60)] if self.forecasts else None,
            expected=tuple(e for e in trace.expected if at <= e.at - trace.epoch < at + _AHEAD),
        )

    def _count_on_time(self) -> tuple[int, int]:
        """Tasks that started in the last hour, and those within the objective."""
        fresh = self.waits[self._checked :]
        self._checked = len(self.waits)
        within = sum(1 for wait in fresh if wait <= self.settings.objective_seconds)
        if len(self._on_time) == _HOUR_TICKS:
            old, old_within = self._on_time.popleft()
            self._started -= old
            self._within -= old_within
        self._on_time.append((len(fresh), within))
        self._started += len(fresh)
        self._within += within
        return self._started, self._within

    def _startup(self) -> float:
        """95th percentile of start-up times, if there are any."""
        seen = self.fleet.startups[-100:]
        if len(seen) < 10:
            return _DEFAULT_STARTUP
        return sorted(seen)[int(len(seen) * 0.95)]
