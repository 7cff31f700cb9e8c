"""Recording on firings how their tasks and runs ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Q

from controlplane.core.clock import now
from controlplane.ops.schedules import transitions
from controlplane.ops.schedules.models import Firing
from controlplane.ops.schedules.states import FiringState
from tasks_app.queries.endings import TaskEnding, list_endings
from workflows.queries.runs import RunEnding, list_run_endings

MAX_RESULT_BYTES = 10_000  # a larger result is kept on the task only
Ending = TaskEnding | RunEnding
Position = tuple[UUID, UUID]  # a schedule, and one of its firings
START: Position = (UUID(int=0), UUID(int=0))


def record_ends(*, after: Position = START, limit: int = 1_000) -> tuple[int, Position | None]:
    """Record the ends among `limit` STARTED firings after the position `after`; how many, and the
    next position, None when there are no more."""
    schedule_id, firing_id = after
    beyond = Q(schedule_id__gt=schedule_id) | Q(schedule_id=schedule_id, id__gt=firing_id)
    started = Firing.objects.filter(beyond, state=FiringState.STARTED.value)
    firings = list(started.order_by("schedule_id", "id")[:limit])
    recorded = _record(firings)
    last = firings[-1] if len(firings) == limit else None
    return recorded, (last.schedule_id, last.id) if last else None


def _record(firings: Sequence[Firing]) -> int:
    tasks = list_endings([firing.task_id for firing in firings if firing.task_id])
    runs = list_run_endings([firing.run_id for firing in firings if firing.run_id])
    recorded = 0
    for firing in firings:
        work = _find(firing.task_id, tasks) or _find(firing.run_id, runs)
        if work is None:
            recorded += _end_lost(firing)
        elif work.finished_at is not None:
            recorded += _end(firing, work, work.finished_at)
    return recorded


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
    """A person removed the ended task before its end was recorded."""
    return transitions.end_started(
        firing.id,
        FiringState.CANCELLED,
        finished_at=now(),
        error={"message": "Its task or run was removed before its end was recorded."},
    )


def _bounded(result: Any) -> Any:
    return result if len(orjson.dumps(result)) <= MAX_RESULT_BYTES else None


def _cause(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Without the traceback, which stands on the task."""
    if error is None:
        return None
    return {name: error[name] for name in ("class", "message", "category", "step") if name in error}
