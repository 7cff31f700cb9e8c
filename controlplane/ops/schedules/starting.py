"""A firing's work: started, and recorded on the firing how it ended; whether a schedule's earlier
work has ended.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Q

from controlplane.core.clock import now
from controlplane.core.errors import DomainError
from controlplane.ops.schedules import transitions
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.queries import TaskEnding, list_task_endings
from controlplane.ops.schedules.states import FiringKind, FiringState, Source
from controlplane.ops.schedules.validation import spec_of
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import ActorKind, Role
from tasks_app.queries import get_states
from tasks_app.services import submit_task
from tasks_app.states import FINAL
from workflows.queries.runs import RunEnding, list_run_endings
from workflows.runs import execute_workflow

logger = logging.getLogger(__name__)

_MS = timedelta(milliseconds=1)


def start(schedule: Schedule, firing: Firing, at: datetime) -> bool:
    """Submit the work of a QUEUED firing, in the caller's transaction. Returns whether it was
    accepted. A refusal or an unexpected error leaves a FAILED firing with its reason: otherwise the
    schedule would repeat the same nominal time for ever. The caller has locked the schedule.
    """
    try:
        # A task is refused before anything is written; a run may be refused half-way.
        with transaction.atomic() if schedule.workflow_id else nullcontext():
            task_id, run_id = _submit(schedule, firing, at)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:
        if not isinstance(error, DomainError):
            logger.exception("Firing not started: firing=%s schedule=%s", firing.id, schedule.id)
        message = error.detail if isinstance(error, DomainError) else repr(error).replace("\0", "")
        cause = {"class": type(error).__name__, "message": message[:2_000]}
        transitions.fail_queued(firing.id, error=cause, at=at)
        return False
    return transitions.start_queued(
        firing.id, task_id=task_id, run_id=run_id, detail=firing.detail or "Started."
    )


def is_plain(schedule: Schedule) -> bool:
    """Whether it starts a plain Celery task, which is sent after the commit."""
    return bool(schedule.source == Source.BEAT)


def new_celery_id(schedule: Schedule) -> str:
    """The id of a firing's Celery task, the same for every attempt to send it."""
    return str(uuid4()) if is_plain(schedule) else ""


def due_to_start(schedule: Schedule, moment: datetime) -> datetime:
    """A nominal time with its jitter. Schedule and time determine the jitter, so that every process
    computes the same."""
    if schedule.jitter_ms == 0:
        return moment
    text = f"{schedule.id} {moment.timestamp():.6f}"
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return moment + _MS * (number % (schedule.jitter_ms + 1))


def has_unfinished(schedule: Schedule) -> bool:
    """Whether the task or run of any STARTED firing is unfinished, regardless of the firing's
    row."""
    started = Firing.objects.filter(schedule=schedule, state=FiringState.STARTED.value)
    pairs = list(started.values_list("task_id", "run_id"))
    tasks = [task for task, _ in pairs if task]
    if tasks and any(
        state not in FINAL for state in get_states(schedule.workspace_id, tasks).values()
    ):
        return True
    runs = [run for _, run in pairs if run]
    return any(run.finished_at is None for run in list_run_endings(runs).values())


def actor_of(schedule: Schedule) -> Actor:
    """The actor for the tasks and runs of a schedule."""
    return Actor(
        kind=ActorKind.SYSTEM.value,
        id=str(schedule.id),
        label=f"schedule {schedule.name}",
        role=Role.OPERATOR,
    )


def _submit(schedule: Schedule, firing: Firing, at: datetime) -> tuple[UUID | None, UUID | None]:
    if schedule.workflow_id is not None:
        run = execute_workflow(
            workspace_id=schedule.workspace_id,
            workflow_id=schedule.workflow_id,
            input=schedule.payload,
            actor=actor_of(schedule),
        )
        return None, run.id
    run_at = (
        None if firing.kind == FiringKind.MANUAL else due_to_start(schedule, firing.scheduled_for)
    )
    spec = spec_of(schedule, run_at=run_at if run_at and run_at > at else None)
    task_id = submit_task(
        workspace_id=schedule.workspace_id,
        spec=spec,
        submitter=actor_of(schedule).as_submitter,
    )
    return task_id, None


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
    tasks = list_task_endings([firing.task_id for firing in firings if firing.task_id])
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
    """Without the traceback, which is stored with the task."""
    if error is None:
        return None
    return {name: error[name] for name in ("class", "message", "category", "step") if name in error}
