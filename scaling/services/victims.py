"""Whom to let go: what costs least to lose. Pure, but for what it is given."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from scaling.services.mustering import Worker
from scaling.strategies import RunTimes

# Ends of the steps over which what is left of a task is summed up, in seconds: up to a day.
_STEPS = tuple(0.1 * 10 ** (k / 4) for k in range(25))


@dataclass(frozen=True, slots=True)
class Victim:
    """A worker that is to go, and why it was chosen before others."""

    worker: Worker
    reason: str


def choose(
    workers: Sequence[Worker],
    count: int,
    *,
    held: Mapping[int, Sequence[datetime]],
    run_times: RunTimes,
    at: datetime,
) -> list[Victim]:
    """At most `count` of the workers that may be stopped: first those that have not come up, the
    newest first; then idle ones; then the one that will soonest have finished what it runs.

    held: when the running tasks of each node started. Heavy tails: what has run for long will run
    for long, so the youngest work is mostly the first to end.
    """
    ranked = sorted(
        (
            (_rank(worker, held, run_times, at), -_order(worker), worker)
            for worker in workers
            if worker.member is not None and not worker.is_leaving
        ),
        key=lambda each: each[:2],
    )
    return [Victim(worker, _reason(worker, held, rank[1])) for rank, _, worker in ranked[:count]]


def remaining(run_times: RunTimes, age: float) -> float:
    """For how many seconds more a task that has run for `age` seconds runs, on average, counting at
    most a day: the sum of the chances that it still runs after each moment."""
    total, before = 0.0, 0.0
    for moment in _STEPS:
        total += run_times.still_running(age, math.sqrt(before * moment) or moment / 2) * (
            moment - before
        )
        before = moment
    return total


def _rank(
    worker: Worker,
    held: Mapping[int, Sequence[datetime]],
    run_times: RunTimes,
    at: datetime,
) -> tuple[int, float]:
    if worker.node is None or not worker.is_ready:
        return 0, 0.0
    ages = [max(0.0, (at - since).total_seconds()) for since in held.get(worker.node.id, ())]
    if not ages:
        return 1, 0.0
    # It is gone when its last task has ended: hardly ever another than the oldest.
    return 2, remaining(run_times, max(ages))


def _order(worker: Worker) -> float:
    begun = worker.begun()
    return begun.timestamp() if begun else 0.0


def _reason(worker: Worker, held: Mapping[int, Sequence[datetime]], left: float) -> str:
    if worker.node is None or not worker.is_ready:
        return "It had not come up."
    running = len(held.get(worker.node.id, ()))
    if not running:
        return "It was idle."
    tasks = "task" if running == 1 else "tasks"
    return f"It ran {running} {tasks}, of which the longest was expected to take {left:.3g} s more."
