"""Bringing a schedule up to what its PeriodicTask says: times, pause, resumption."""

from datetime import datetime

from controlplane.schedules import transitions
from controlplane.schedules.models import Firing, Schedule
from controlplane.schedules.selectors import read_beat
from controlplane.schedules.states import FiringKind, FiringState, SkipReason
from controlplane.schedules.timing import Timing, TimingError

COUNTED = 10_000  # nominal times of a pause that are counted; beyond, only that there were more


def refresh(schedule: Schedule, at: datetime) -> bool:
    """Apply what changed in beat's row; the caller holds the lock. Whether anything had changed.

    A schedule that was paused begins anew at `at`, with one firing row for the times in between. A
    change of times is effective from `at` on.
    """
    beat = read_beat(schedule.periodic_task)
    key = beat.key(schedule.created_at)
    timing: Timing | None
    try:
        timing = beat.parse(schedule.created_at)
    except TimingError:
        timing = None  # selectors.describe says why
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
    """Write the columns that say when it fires."""
    schedule.save(update_fields=["timing", "considered_until", "next_at", "paused_at"])


def _record_pause(schedule: Schedule, timing: Timing, at: datetime) -> None:
    count = timing.count(schedule.considered_until, at, COUNTED)
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
                detail=f"The schedule was paused for {more}{count.times} nominal times.",
                decided_at=at,
            )
        ]
    )
