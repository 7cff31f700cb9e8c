"""Noting on firings what came of their tasks and runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Q

from controlplane.core.clock import now
from controlplane.schedules import transitions
from controlplane.schedules.models import Firing
from controlplane.schedules.states import FiringState
from tasks_app.selectors.endings import TaskEnding, list_endings
from workflows.queries.runs import RunEnding, list_run_endings

RESULT_MOST_BYTES = 10_000  # a larger result stands on the task only
Ending = TaskEnding | RunEnding
Position = tuple[UUID, UUID]  # a schedule, and one of its firings
START: Position = (UUID(int=0), UUID(int=0))


def settle_firings(*, limit: int = 1_000) -> int:
    """Settle every STARTED firing whose task or run has ended, `limit` at a time; how many."""
    settled, after = 0, START
    while True:
        count, last = settle_portion(after=after, limit=limit)
        settled += count
        if last is None:
            return settled
        after = last


def settle_portion(*, after: Position, limit: int) -> tuple[int, Position | None]:
    """Look at `limit` STARTED firings beyond `after`; how many were settled, and where to go on,
    None when there were no more."""
    schedule_id, firing_id = after
    beyond = Q(schedule_id__gt=schedule_id) | Q(schedule_id=schedule_id, id__gt=firing_id)
    started = Firing.objects.filter(beyond, state=FiringState.STARTED.value)
    firings = list(started.order_by("schedule_id", "id")[:limit])
    settled = _settle(firings)
    last = firings[-1] if len(firings) == limit else None
    return settled, (last.schedule_id, last.id) if last else None


def _settle(firings: Sequence[Firing]) -> int:
    tasks = list_endings([firing.task_id for firing in firings if firing.task_id])
    runs = list_run_endings([firing.run_id for firing in firings if firing.run_id])
    settled = 0
    for firing in firings:
        work = _find(firing.task_id, tasks) or _find(firing.run_id, runs)
        if work is None:
            settled += _end_lost(firing)
        elif work.finished_at is not None:
            settled += _end(firing, work, work.finished_at)
    return settled


def _find(work_id: UUID | None, known: Mapping[UUID, Ending]) -> Ending | None:
    return known.get(work_id) if work_id else None


def _end(firing: Firing, work: Ending, finished_at: datetime) -> bool:
    return transitions.end_started(
        firing.id,
        FiringState(work.state),
        started_at=work.started_at,
        finished_at=finished_at,
        result=_bounded(work.result) if isinstance(work, TaskEnding) else None,
        error=_cause(work.error),
    )


def _end_lost(firing: Firing) -> bool:
    """A person removed the ended task before this looked, and nobody knows any more."""
    return transitions.end_started(
        firing.id,
        FiringState.CANCELLED,
        finished_at=now(),
        error={"message": "What it started was removed before its end was noted here."},
    )


def _bounded(result: Any) -> Any:
    return result if len(orjson.dumps(result)) <= RESULT_MOST_BYTES else None


def _cause(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Without the traceback, which stands on the task."""
    if error is None:
        return None
    return {name: error[name] for name in ("class", "message", "category", "step") if name in error}
