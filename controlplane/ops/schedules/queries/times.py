"""Upcoming times: the firings of all schedules, and the preview of one timing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from controlplane.core.errors import Invalid
from controlplane.ops.schedules.beat import BEAT, read_timing
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.timing import Timing, TimingError, find_warnings, parse_timing

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
    """An instant in UTC and in the schedule's zone."""

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
    """The timing of an expression for a schedule that is created at `at`. Raises Invalid that names
    the field."""
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
    """The next `count` nominal times, or fewer if there are no more."""
    zone = ZoneInfo(timing.timezone)
    found: list[NominalTime] = []
    at: datetime | None = after
    while len(found) < count and (at := timing.next_after(at)) is not None:  # type: ignore[arg-type] # it ends at None
        found.append(NominalTime(at, at.astimezone(zone)))
    return found
