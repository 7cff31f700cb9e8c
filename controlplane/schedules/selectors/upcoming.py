"""What enabled schedules will start soon."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from controlplane.schedules.models import Schedule
from controlplane.schedules.selectors.beat import BEAT, read_timing
from controlplane.schedules.timing import Timing, TimingError

MOST_SCHEDULES = 2_000
MOST_TIMES = 100  # of one schedule
_INSTANT = timedelta(microseconds=1)
_GRACE = timedelta(seconds=60)  # what is overdue for longer was missed: see services/firing.py


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
    """The firings after `at` up to `until`, also those that are due and not decided yet; with half
    of the jitter added. Of at most MOST_SCHEDULES schedules, the next ones.

    A schedule that fires again within `steady`, and has a nominal time less than `steady` ago, is
    left out: whoever measures over that long sees it already.
    """
    found = Schedule.objects.filter(
        next_at__lte=until, paused_at__isnull=True, periodic_task__enabled=True
    )
    # A plain Celery task of beat is no work of the engine.
    found = found.exclude(task_type="", workflow_id__isnull=True).select_related(*BEAT)
    listed = (_read(each, at, until, steady) for each in found.order_by("next_at")[:MOST_SCHEDULES])
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
    times = timing.between(begin, until, 1 if schedule.periodic_task.one_off else MOST_TIMES)
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
