"""Reads of schedules."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from controlplane.core.errors import NotFound
from controlplane.core.names import canonical_name
from controlplane.schedules.models import Schedule
from controlplane.schedules.selectors.beat import BEAT, read_beat, read_timezone
from controlplane.schedules.timing import TimingError, find_warnings


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule with what its PeriodicTask says.

    `problem` says why it never fires as it stands; empty when it does. `note` says why the system
    paused it, and which parts of its text have no effect.
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
    workspace_id: UUID, *, search: str = "", enabled: bool | None = None, source: str = ""
) -> QuerySet[Schedule]:
    """The schedules of a workspace, with their PeriodicTasks. `search` looks into the name, the
    task type, and the name of a plain Celery task."""
    found = Schedule.objects.filter(workspace_id=workspace_id).select_related(*BEAT)
    if search:
        search = canonical_name(search)
        found = found.filter(
            Q(name__icontains=search)
            | Q(task_type__icontains=search)
            | Q(source="beat", periodic_task__task__icontains=search)
        )
    if enabled is not None:
        found = found.filter(periodic_task__enabled=enabled)
    if source:
        found = found.filter(source=source)
    return found


def get_schedule(workspace_id: UUID, schedule_id: UUID) -> Schedule:
    """One schedule of a workspace, with its PeriodicTask. Raises NotFound."""
    found = Schedule.objects.filter(workspace_id=workspace_id, id=schedule_id)
    schedule = found.select_related(*BEAT).first()
    if schedule is None:
        raise NotFound(f"There is no schedule {schedule_id}.")
    return schedule


def describe(schedule: Schedule) -> ScheduleView:
    """The schedule with its times. Costs no query when it came from this module."""
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
