"""Start workers, and choose and terminate those whose loss costs least."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from controlplane.core.clock import now
from scaling import sentences, transitions
from scaling.fleet import Fleet
from scaling.fleet_snapshot import FleetSnapshot, Worker, look_again
from scaling.models import Launch, ScalingEvent
from scaling.queries.launches import list_held_since
from scaling.states import LaunchState
from scaling.strategies import RunTimes
from workers.services import retire_node

# Ends of the steps for the sum of a task's remaining time, in seconds: up to a day.
_STEPS = tuple(0.1 * 10 ** (k / 4) for k in range(25))


@dataclass(frozen=True, slots=True)
class Victim:
    """A worker that is to be terminated, and why it was chosen before others."""

    worker: Worker
    reason: str


def start_workers(fleet: Fleet, event: ScalingEvent, count: int) -> None:
    """Request `count` more workers. May raise FleetError: then none of them is expected; any that
    started anyway appear among the members."""
    asked_at = now()
    keys = fleet.start(count)
    names = [*keys, *[""] * (count - len(keys))]
    Launch.objects.bulk_create(
        Launch(
            pool_id=event.pool_id,
            event=event,
            backend=event.backend,
            key=key,
            asked_at=asked_at,
        )
        for key in names[:count]
    )


def terminate_workers(
    fleet: Fleet, snapshot: FleetSnapshot, count: int, run_times: RunTimes
) -> list[dict[str, Any]]:
    """Choose workers, make sure that nothing starts them again, and let their nodes drain; those
    that are not ready are stopped at once. Returns the chosen workers with the reasons. May raise
    FleetError: then nothing drains."""
    nodes = [worker.node.id for worker in snapshot.ready if worker.node is not None]
    victims = choose_victims(
        snapshot.workers,
        count,
        held=list_held_since(nodes),
        run_times=run_times,
        at=snapshot.at,
    )
    fleet.fence(_keys(victims))
    # A decision takes time, and a node that has registered may hold work already, even if it is not
    # counted as ready. One that registers from here on takes longer to come up than the stop.
    victims = _with_nodes(victims)
    fleet.stop(_keys([victim for victim in victims if victim.worker.node is None]))
    with transaction.atomic():
        for victim in victims:
            if victim.worker.node is not None:
                retire_node(victim.worker.node.id)
            if victim.worker.launch is not None:
                transitions.end_launch(victim.worker.launch.id, LaunchState.CANCELLED)
    return [_describe(victim) for victim in victims]


def choose_victims(
    workers: Sequence[Worker],
    count: int,
    *,
    held: Mapping[int, Sequence[datetime]],
    run_times: RunTimes,
    at: datetime,
) -> list[Victim]:
    """At most `count` of the workers that may be stopped: first those that are not ready, the
    newest first; then idle ones; then the one that is expected to finish its tasks first. held:
    when the running tasks of each node started. With heavy tails, a task that has run for long will
    run for long, so the youngest work usually ends first.
    """
    ranked = sorted(
        (
            (_rank(worker, held, run_times, at), -_started(worker), worker)
            for worker in workers
            if worker.member is not None and not worker.is_leaving
        ),
        key=lambda each: each[:2],
    )
    return [Victim(worker, _reason(worker, held, rank[1])) for rank, _, worker in ranked[:count]]


def remaining(run_times: RunTimes, age: float) -> float:
    """The expected remaining seconds of a task that has run for `age` seconds, at most a day: the
    sum of the probabilities that it still runs after each moment."""
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


def _started(worker: Worker) -> float:
    begun = worker.begun()
    return begun.timestamp() if begun else 0.0


def _reason(worker: Worker, held: Mapping[int, Sequence[datetime]], left: float) -> str:
    if worker.node is None or not worker.is_ready:
        return sentences.NOT_READY
    running = len(held.get(worker.node.id, ()))
    return sentences.soonest_free(running, left) if running else sentences.IDLE


def _with_nodes(victims: Sequence[Victim]) -> list[Victim]:
    workers = look_again([victim.worker for victim in victims])
    return [replace(victim, worker=worker) for victim, worker in zip(victims, workers, strict=True)]


def _keys(victims: Sequence[Victim]) -> list[str]:
    return [victim.worker.member.key for victim in victims if victim.worker.member is not None]


def _describe(victim: Victim) -> dict[str, Any]:
    worker = victim.worker
    return {
        "key": worker.member.key if worker.member is not None else "",
        "node": worker.node.id if worker.node is not None else None,
        "name": worker.name,
        "reason": victim.reason,
    }
