"""Decides about each due nominal time exactly once."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django_celery_beat.models import PeriodicTask

from controlplane.core.clock import now as utc_now
from controlplane.core.process_state import register_reset
from controlplane.ops.schedules import transitions
from controlplane.ops.schedules.beat import read_beat
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.overlaps import Decision, FiringQueue
from controlplane.ops.schedules.refreshing import lock_due, refresh, save_clock
from controlplane.ops.schedules.starting import new_celery_id, start
from controlplane.ops.schedules.states import FiringKind, FiringState, SkipReason
from controlplane.ops.schedules.timing import Timing

logger = logging.getLogger(__name__)

# A nominal time that is seen later than this was missed.
GRACE = timedelta(seconds=60)
BATCH = 10_000  # nominal times of one schedule that one transaction decides about
SINGLE_SKIPS = 1_000  # of the last batch, missed times that get a row each: the newest
_REST_SECONDS = 30.0  # of a schedule that could not be fired

_resting: dict[UUID, float] = {}
register_reset(_resting.clear)


def fire_due(*, now: datetime | None = None, limit: int = 100) -> int:
    """Decide every nominal time up to `now` of at most `limit` schedules. Returns how many
    schedules.

    One transaction per schedule writes its decisions, their tasks or runs, and the time up to which
    it is decided. A schedule that fails rests for 30 s; the others continue. Safe to run several
    times at once.
    """
    at = now or utc_now()
    clock = time.monotonic()
    for schedule_id in [rested for rested, until in _resting.items() if until <= clock]:
        del _resting[schedule_id]
    count = 0
    while count < limit and _fire_next(at):
        count += 1
    return count


def _fire_next(at: datetime) -> bool:
    schedule = None
    try:
        with transaction.atomic():
            schedule = lock_due(at, ignore=list(_resting))
            if schedule is not None:
                decide_due_times(schedule, at)
    except (OperationalError, InterfaceError):
        raise  # the database, not the schedule
    except Exception:
        if schedule is None:
            raise
        logger.exception(
            "Schedule not fired: schedule=%s rests_seconds=%s", schedule.id, _REST_SECONDS
        )
        _resting[schedule.id] = time.monotonic() + _REST_SECONDS
    return schedule is not None


def decide_due_times(schedule: Schedule, at: datetime) -> None:
    """Decide the nominal times up to `at` of a schedule that the caller has locked.

    A change in beat's row is applied first.
    """
    beat = read_beat(schedule.periodic_task)
    is_current = schedule.timing == beat.key(schedule.created_at)
    if not schedule.periodic_task.enabled or schedule.paused_at is not None or not is_current:
        refresh(schedule, at)
        return
    if schedule.next_at is None or schedule.next_at > at:
        return
    timing = beat.parse(schedule.created_at)
    due = _DueTimes.of(timing, schedule, at)
    fired = _fire(schedule, due, at)
    schedule.considered_until = max(schedule.considered_until, due.until)
    schedule.next_at = timing.next_after(schedule.considered_until)
    if fired:
        _note_in_beat(schedule, fired, at)
    save_clock(schedule)


@dataclass(frozen=True, slots=True)
class _DueTimes:
    """Nominal times by decision, each list oldest first."""

    skipped: list[datetime]
    catch_up: list[datetime]
    on_time: list[datetime]
    until: datetime
    is_last: bool = True

    @classmethod
    def of(cls, timing: Timing, schedule: Schedule, at: datetime) -> "_DueTimes":
        times = timing.between(schedule.considered_until, at, BATCH)
        following = timing.next_after(times[-1]) if times else None
        if following is not None and following <= at:
            # More than a batch: the times that may still be caught up are left for the next one.
            keep = len(times) - schedule.catch_up_max - 1
            return cls(times[:keep], [], [], times[keep - 1], is_last=False)
        on_time = times[-1:] if times and at - times[-1] <= GRACE else []
        missed = times[: len(times) - len(on_time)]
        limit = schedule.catch_up_max if schedule.catch_up else 0
        if schedule.periodic_task.one_off:
            limit = 0 if on_time else min(limit, 1)
        catch_up = missed[-limit:] if limit else []
        return cls(missed[: len(missed) - len(catch_up)], catch_up, on_time, at)


def _fire(schedule: Schedule, due: _DueTimes, at: datetime) -> int:
    """Write the decisions and start firings. Returns how many are not skipped."""
    decisions = _decide(schedule, due, at)
    rows = [*_skip(schedule, due, at), *(row for row, _ in decisions)]
    inserted = transitions.insert_firings(rows)
    fired = 0
    for row, decision in decisions:
        if decision.reason is not None or row.id not in inserted:
            continue
        fired += 1
        if not decision.waits:
            start(schedule, row, at)
    return fired


def _skip(schedule: Schedule, due: _DueTimes, at: datetime) -> list[Firing]:
    cut = max(0, len(due.skipped) - SINGLE_SKIPS) if due.is_last else len(due.skipped)
    older, single = due.skipped[:cut], due.skipped[cut:]
    rows = [
        _row(schedule, moment, at, FiringKind.SCHEDULE, reason=SkipReason.MISSED)
        for moment in single
    ]
    for row in rows:
        row.detail = "No dispatcher fired it in time."
    if older:
        row = _row(schedule, older[0], at, FiringKind.SCHEDULE, reason=SkipReason.MISSED)
        row.until, row.times = older[-1], len(older)
        row.detail = f"No dispatcher fired these {len(older)} nominal times in time."
        rows.append(row)
    return rows


def _decide(schedule: Schedule, due: _DueTimes, at: datetime) -> list[tuple[Firing, Decision]]:
    """The decision of the overlap rule for each time, counting earlier ones as started."""
    queue = FiringQueue(schedule)
    decided = []
    for moment in [*due.catch_up, *due.on_time]:
        kind = FiringKind.SCHEDULE if moment in due.on_time else FiringKind.CATCH_UP
        decision = queue.decide(kind, moment, at)
        row = _row(schedule, moment, at, kind, reason=decision.reason)
        row.detail = decision.detail
        decided.append((row, decision))
    return decided


def _row(
    schedule: Schedule,
    moment: datetime,
    at: datetime,
    kind: FiringKind,
    *,
    reason: SkipReason | None = None,
) -> Firing:
    return Firing(
        schedule=schedule,
        workspace_id=schedule.workspace_id,
        scheduled_for=moment,
        kind=kind.value,
        state=(FiringState.SKIPPED if reason else FiringState.QUEUED).value,
        skip_reason=reason.value if reason else "",
        celery_id="" if reason else new_celery_id(schedule),
        late_ms=(at - moment) // timedelta(milliseconds=1),
        decided_at=at,
    )


def _note_in_beat(schedule: Schedule, fired: int, at: datetime) -> None:
    """Update the columns that beat's pages show. Uses update(), which sends no signal of a change;
    a one-time task is disabled."""
    task = schedule.periodic_task
    values = {"last_run_at": at, "total_run_count": F("total_run_count") + fired}
    if task.one_off:
        values |= {"enabled": False}
        schedule.paused_at, schedule.next_at = at, None
    PeriodicTask.objects.filter(pk=task.pk).update(**values)
