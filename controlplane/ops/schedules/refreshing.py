"""A locked schedule, updated from its PeriodicTask: times, pause, resumption. The row is the lock,
and is held to fire, change or remove a schedule.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from controlplane.core.errors import NotFound
from controlplane.ops.schedules import transitions
from controlplane.ops.schedules.beat import BEAT, read_beat
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.states import FiringKind, FiringState, SkipReason
from controlplane.ops.schedules.timing import Timing, TimingError

MAX_COUNTED = 10_000  # nominal times of a pause; beyond, only that there were more


def lock_schedule(workspace_id: UUID, schedule_id: UUID) -> Schedule:
    """A schedule of a workspace, locked until the transaction ends. Raises NotFound."""
    found = Schedule.objects.filter(workspace_id=workspace_id, id=schedule_id)
    if not found.select_for_update().values_list("id").first():
        raise NotFound(f"There is no schedule {schedule_id}.")
    return _read(schedule_id)


def lock_due(at: datetime, *, ignore: Collection[UUID] = ()) -> Schedule | None:
    """The schedule that has been due longest and that no other process has locked; it is then
    locked."""
    due = Schedule.objects.filter(next_at__lte=at).exclude(id__in=ignore).order_by("next_at")
    return _lock_first(due.values_list("id", flat=True))


def lock_free(schedule_id: UUID) -> Schedule | None:
    """This schedule, locked, unless another process has locked it or it was removed."""
    return _lock_first(Schedule.objects.filter(id=schedule_id).values_list("id", flat=True))


def wait_for_firing(periodic_task_id: int) -> None:
    """Lock the schedule of a PeriodicTask that is about to be deleted, here or in beat's own pages,
    so that no firing appears during the deletion."""
    found = Schedule.objects.filter(periodic_task_id=periodic_task_id)
    found.select_for_update().values_list("id").first()


def _lock_first(found) -> Schedule | None:  # type: ignore[no-untyped-def]
    schedule_id = found.select_for_update(skip_locked=True).first()
    return _read(schedule_id) if schedule_id else None


def _read(schedule_id: UUID) -> Schedule:
    # In a later statement than the lock: it sees what the previous holder wrote.
    return Schedule.objects.select_related(*BEAT).get(id=schedule_id)


def refresh(schedule: Schedule, at: datetime) -> bool:
    """Apply the changes in beat's row. Returns whether anything changed. The caller holds the lock.

    A schedule that was paused starts again at `at`, with one firing row for the times in between.
    A change of times takes effect from `at` on.
    """
    beat = read_beat(schedule.periodic_task)
    key = beat.key(schedule.created_at)
    timing: Timing | None
    try:
        timing = beat.parse(schedule.created_at)
    except TimingError:
        timing = None  # queries.describe says why
    if not schedule.periodic_task.enabled:
        if schedule.paused_at is not None:
            return False
        schedule.paused_at = at
        schedule.next_at = None
    elif schedule.paused_at is not None or schedule.timing != key:
        if schedule.paused_at is not None and timing is not None:
            _record_pause(schedule, timing, at)
        schedule.paused_at = None
        schedule.timing = key
        schedule.considered_until = max(schedule.considered_until, at)
        schedule.next_at = timing.next_after(schedule.considered_until) if timing else None
    else:
        return False
    save_clock(schedule)
    return True


def save_clock(schedule: Schedule) -> None:
    """Write the columns that determine when it fires."""
    schedule.save(update_fields=["timing", "considered_until", "next_at", "paused_at"])


def _record_pause(schedule: Schedule, timing: Timing, at: datetime) -> None:
    count = timing.count(schedule.considered_until, at, MAX_COUNTED)
    if count is None:
        return
    more = "" if count.is_exact else "more than "
    transitions.insert_firings(
        [
            Firing(
                schedule=schedule,
                workspace_id=schedule.workspace_id,
                scheduled_for=count.first,
                until=count.last if count.is_exact else at,
                times=count.times,
                kind=FiringKind.SCHEDULE.value,
                state=FiringState.SKIPPED.value,
                skip_reason=SkipReason.PAUSED.value,
                detail=f"The schedule was paused during {more}{count.times} nominal times.",
                decided_at=at,
            )
        ]
    )
