"""Reads of schedules, their firings, and the tasks that these started."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from controlplane.core.clock import now
from controlplane.core.errors import NotFound
from controlplane.core.names import canonical_name
from controlplane.core.sql import load_sql
from controlplane.ops.schedules.beat import BEAT, read_beat, read_timezone
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.timing import TimingError, find_warnings
from tasks_app.models import Task


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule with the values of its PeriodicTask. `problem`: why it never fires; empty if it
    does. `note`: why the system paused it, and which parts of its expression have no effect.
    """

    schedule: Schedule
    text: str
    timezone: str
    words: str
    enabled: bool
    start_at: datetime | None
    end_at: datetime | None
    one_off: bool
    problem: str
    note: str


def list_schedules(
    workspace_id: UUID,
    *,
    search: str = "",
    enabled: bool | None = None,
    sources: Sequence[str] = (),
    overlaps: Sequence[str] = (),
) -> QuerySet[Schedule]:
    """The schedules of a workspace, with their PeriodicTasks. `search` covers the name, the task
    type, and the name of a plain Celery task."""
    found = with_beat(Schedule.objects.filter(workspace_id=workspace_id))
    if search:
        search = canonical_name(search)
        found = found.filter(
            Q(name__icontains=search)
            | Q(task_type__icontains=search)
            | Q(source="beat", periodic_task__task__icontains=search)
        )
    if enabled is not None:
        found = found.filter(periodic_task__enabled=enabled)
    if sources:
        found = found.filter(source__in=sources)
    if overlaps:
        found = found.filter(overlap__in=overlaps)
    return found


def with_beat(schedules: QuerySet[Schedule]) -> QuerySet[Schedule]:
    """These schedules with their PeriodicTasks."""
    return schedules.select_related(*BEAT)


def get_schedule(workspace_id: UUID, schedule_id: UUID) -> Schedule:
    """One schedule of a workspace, with its PeriodicTask. Raises NotFound."""
    found = Schedule.objects.filter(workspace_id=workspace_id, id=schedule_id)
    schedule = found.select_related(*BEAT).first()
    if schedule is None:
        raise NotFound(f"There is no schedule {schedule_id}.")
    return schedule


def describe(schedule: Schedule) -> ScheduleView:
    """The schedule with its times. Needs no query if it came from this module."""
    task = schedule.periodic_task
    beat = read_beat(task)
    words = problem = ""
    notes = [task.description] if task.description else []
    try:
        timing = beat.parse(schedule.created_at)
        words = timing.words()
        notes += find_warnings(timing)
    except TimingError as error:
        problem = error.message
    return ScheduleView(
        schedule=schedule,
        text=beat.text,
        timezone=read_timezone(schedule),
        words=words,
        enabled=task.enabled,
        start_at=beat.start_at,
        end_at=beat.end_at,
        one_off=task.one_off,
        problem=problem,
        note=" ".join(notes),
    )


def find_firing_of_task(workspace_id: UUID, task_id: UUID) -> Firing | None:
    """The firing that submitted the task, with its schedule."""
    found = Firing.objects.filter(workspace_id=workspace_id, task_id=task_id)
    return found.select_related("schedule").only("scheduled_for", "schedule__name").first()


RATED_FIRINGS = 100  # of a schedule, the newest that have ended: what its success rate is of


def list_firings(
    workspace_id: UUID,
    schedule_id: UUID,
    *,
    states: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> QuerySet[Firing]:
    """The firings of a schedule. Raises NotFound when the workspace has no such schedule."""
    get_schedule(workspace_id, schedule_id)
    found = Firing.objects.filter(schedule_id=schedule_id)
    if states:
        found = found.filter(state__in=states)
    if kinds:
        found = found.filter(kind__in=kinds)
    return found


def get_success_rates(schedule_ids: Sequence[UUID]) -> dict[UUID, float]:
    """The share (0 to 1) of completed firings among the newest hundred of each schedule that
    completed or failed. A schedule without any is left out."""
    if not schedule_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.schedules", "rate_schedules"),
            {"ids": list(schedule_ids), "newest": RATED_FIRINGS},
        )
        return {schedule: round(rate, 4) for schedule, rate in cursor.fetchall()}


def get_newest_firings(schedule_ids: Sequence[UUID]) -> dict[UUID, Firing]:
    """By schedule, with one index look-up each. A schedule that never fired is left out."""
    if not schedule_ids:
        return {}
    sql = load_sql("controlplane.ops.schedules", "find_newest_firings")
    return {
        firing.schedule_id: firing
        for firing in Firing.objects.raw(sql, {"ids": list(schedule_ids)})
    }


def get_lag() -> timedelta:
    """How long the oldest due nominal time has waited for its decision; 0 if none is due."""
    at = now()
    due = Schedule.objects.filter(next_at__lte=at).order_by("next_at")
    oldest = due.values_list("next_at", flat=True).first()
    return timedelta() if oldest is None else at - oldest


@dataclass(frozen=True, slots=True)
class JobRow:
    """A schedule with its times, its newest firing and the share of firings that completed."""

    schedule: Schedule
    view: ScheduleView
    last: Firing | None
    success_rate: float | None


def describe_jobs(schedules: Sequence[Schedule]) -> list[JobRow]:
    """Descriptions of schedules, with a fixed number of queries."""
    ids = [schedule.id for schedule in schedules]
    rates, newest = get_success_rates(ids), get_newest_firings(ids)
    return [
        JobRow(schedule, describe(schedule), newest.get(schedule.id), rates.get(schedule.id))
        for schedule in schedules
    ]


@dataclass(frozen=True, slots=True)
class TaskEnding:
    """A task's state; `finished_at` is None until it has ended."""

    state: str
    started_at: datetime | None
    finished_at: datetime | None
    result: Any
    error: dict[str, Any] | None


def list_task_endings(ids: Sequence[UUID]) -> dict[UUID, TaskEnding]:
    """The states of these tasks of any workspace; removed tasks are left out."""
    if not ids:
        return {}
    tasks = Task.objects.filter(id__in=list(ids)).values_list(
        "id", "state", "started_at", "finished_at", "result", "error"
    )
    return {row[0]: TaskEnding(*row[1:]) for row in tasks}
