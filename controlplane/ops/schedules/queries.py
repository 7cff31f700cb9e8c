"""Reads of schedules and their firings, and the next times of a schedule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q, QuerySet

from controlplane.core.clock import now
from controlplane.core.errors import Invalid, NotFound
from controlplane.core.names import canonical_name
from controlplane.core.sql import load_sql
from controlplane.ops.schedules.beat import BEAT, read_beat, read_timezone, read_timing
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.timing import Timing, TimingError, find_warnings, parse_timing


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
    workspace_id: UUID,
    *,
    search: str = "",
    enabled: bool | None = None,
    sources: Sequence[str] = (),
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
    if sources:
        found = found.filter(source__in=sources)
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
    """What share, 0 to 1, of each schedule's newest hundred ended firings completed; of those that
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
    """By schedule; one index probe each. A schedule that never fired is left out."""
    if not schedule_ids:
        return {}
    sql = load_sql("controlplane.ops.schedules", "find_newest_firings")
    return {
        firing.schedule_id: firing
        for firing in Firing.objects.raw(sql, {"ids": list(schedule_ids)})
    }


def get_lag() -> timedelta:
    """How long the oldest due nominal time has waited for its decision; 0 when none is due."""
    at = now()
    due = Schedule.objects.filter(next_at__lte=at).order_by("next_at")
    oldest = due.values_list("next_at", flat=True).first()
    return timedelta() if oldest is None else at - oldest


MAX_SCHEDULES = 2_000
MAX_TIMES = 100  # of one schedule
_INSTANT = timedelta(microseconds=1)
_GRACE = timedelta(seconds=60)  # what is overdue for longer was missed: see firing.py


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next firings of a schedule that starts tasks or runs of a workflow. `queue` is empty
    where it is the type's own."""

    workspace_id: UUID
    task_type: str
    workflow_id: UUID | None
    queue: str
    times: list[datetime]


def list_upcoming(at: datetime, until: datetime, *, steady: timedelta) -> list[Upcoming]:
    """The firings after `at` up to `until`, including those that are due and not decided yet, with
    half of the jitter added. Covers the MAX_SCHEDULES schedules that fire next.

    A schedule that fires again within `steady`, and has a nominal time less than `steady` ago, is
    left out: a measurement over that time sees it already.
    """
    found = Schedule.objects.filter(
        next_at__lte=until, paused_at__isnull=True, periodic_task__enabled=True
    )
    # A plain Celery task of beat is no work of the engine.
    found = found.exclude(task_type="", workflow_id__isnull=True).select_related(*BEAT)
    listed = (_read(each, at, until, steady) for each in found.order_by("next_at")[:MAX_SCHEDULES])
    return [each for each in listed if each is not None and each.times]


def _read(schedule: Schedule, at: datetime, until: datetime, steady: timedelta) -> Upcoming | None:
    try:
        timing = read_timing(schedule)
    except TimingError:
        return None  # it never fires, and its page says why
    if _is_steady(timing, at, steady):
        return None
    begin = at
    if schedule.next_at is not None and at - _GRACE < schedule.next_at <= at:
        begin = schedule.next_at - _INSTANT
    times = timing.between(begin, until, 1 if schedule.periodic_task.one_off else MAX_TIMES)
    delay = timedelta(milliseconds=schedule.jitter_ms / 2)
    return Upcoming(
        workspace_id=schedule.workspace_id,
        task_type=schedule.task_type,
        workflow_id=schedule.workflow_id,
        queue=schedule.queue,
        times=[max(at, moment + delay) for moment in times],
    )


def _is_steady(timing: Timing, at: datetime, steady: timedelta) -> bool:
    before = timing.between(at - steady, at, 1)
    following = timing.next_after(before[0]) if before else None
    return following is not None and following - before[0] < steady


@dataclass(frozen=True, slots=True)
class NominalTime:
    """An instant, and what the clock of the schedule's zone shows then."""

    utc: datetime
    local: datetime

    @property
    def shown_utc(self) -> str:
        """For people."""
        return f"{self.utc:%a %Y-%m-%d %H:%M:%S}"

    @property
    def shown_local(self) -> str:
        """For people, with the offset."""
        return f"{self.local:%a %Y-%m-%d %H:%M:%S %z}"


def parse_checked(text: str, timezone: str, *, at: datetime) -> Timing:
    """The timing of a text as a schedule that is made at `at` has it. Raises Invalid that names the
    field."""
    try:
        return parse_timing(text, timezone, anchor=at)
    except TimingError as error:
        raise Invalid(errors=[{"field": error.field, "message": error.message}]) from error


def describe_timing(timing: Timing) -> dict[str, str | None]:
    """The schedule of a preview, without its times."""
    return {
        "schedule": timing.text,
        "timezone": timing.timezone,
        "words": timing.words(),
        "note": " ".join(find_warnings(timing)) or None,
    }


def next_times(timing: Timing, *, after: datetime, count: int) -> list[NominalTime]:
    """The next `count` nominal times, fewer where there are no more."""
    zone = ZoneInfo(timing.timezone)
    found: list[NominalTime] = []
    at: datetime | None = after
    while len(found) < count and (at := timing.next_after(at)) is not None:  # type: ignore[arg-type] # it ends at None
        found.append(NominalTime(at, at.astimezone(zone)))
    return found


@dataclass(frozen=True, slots=True)
class JobRow:
    """A schedule with its times, its newest firing and the share of firings that completed."""

    schedule: Schedule
    view: ScheduleView
    last: Firing | None
    success_rate: float | None


def describe_jobs(schedules: Sequence[Schedule]) -> list[JobRow]:
    """Schedules as people see them, in a fixed number of queries."""
    ids = [schedule.id for schedule in schedules]
    rates, newest = get_success_rates(ids), get_newest_firings(ids)
    return [
        JobRow(schedule, describe(schedule), newest.get(schedule.id), rates.get(schedule.id))
        for schedule in schedules
    ]
