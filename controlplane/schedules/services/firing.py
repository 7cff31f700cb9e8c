"""Deciding about nominal times that have come, each exactly once."""

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
from controlplane.schedules import transitions
from controlplane.schedules.models import Firing, Schedule
from controlplane.schedules.selectors import read_beat
from controlplane.schedules.services.locks import lock_due
from controlplane.schedules.services.overlaps import Line, Verdict
from controlplane.schedules.services.refreshing import refresh, save_clock
from controlplane.schedules.services.starting import new_celery_id, start
from controlplane.schedules.states import FiringKind, FiringState, SkipReason
from controlplane.schedules.timing import Timing

logger = logging.getLogger(__name__)

# A nominal time that is found later than this was missed.
GRACE = timedelta(seconds=60)
PORTION = 10_000  # nominal times of one schedule that one transaction decides about
SINGLE_SKIPS = 1_000  # of the last portion, missed ones that get a row each: the newest
_REST_SECONDS = 30.0  # of a schedule that could not be considered

_resting: dict[UUID, float] = {}
register_reset(_resting.clear)


def fire_due(*, now: datetime | None = None, limit: int = 100) -> int:
    """Decide about every nominal time up to `now` of at most `limit` schedules; how many schedules.

    One transaction per schedule holds its decisions, their tasks or runs, and how far it has been
    considered. A schedule that cannot be considered rests for 30 s; the others go on. Safe to run
    many times at once.
    """
    at = now or utc_now()
    waking = time.monotonic()
    for schedule_id in [known for known, until in _resting.items() if until <= waking]:
        del _resting[schedule_id]
    done = 0
    while done < limit and _fire_next(at):
        done += 1
    return done


def _fire_next(at: datetime) -> bool:
    schedule = None
    try:
        with transaction.atomic():
            schedule = lock_due(at, leaving_out=list(_resting))
            if schedule is not None:
                consider(schedule, at)
    except (OperationalError, InterfaceError):
        raise  # the database, not the schedule
    except Exception:
        if schedule is None:
            raise
        logger.exception("The schedule %s cannot be fired, and rests", schedule.id)
        _resting[schedule.id] = time.monotonic() + _REST_SECONDS
    return schedule is not None


def consider(schedule: Schedule, at: datetime) -> None:
    """Decide about the nominal times up to `at` of a schedule that the caller has locked.

    When beat's row says something else than what its times were computed of, that comes first.
    """
    beat = read_beat(schedule.periodic_task)
    is_current = schedule.timing == beat.key(schedule.created_at)
    if not schedule.periodic_task.enabled or schedule.paused_at is not None or not is_current:
        refresh(schedule, at)
        return
    if schedule.next_at is None or schedule.next_at > at:
        return
    timing = beat.parse(schedule.created_at)
    due = _Due.of(timing, schedule, at)
    fired = _fire(schedule, due, at)
    schedule.considered_until = max(schedule.considered_until, due.until)
    schedule.next_at = timing.next_after(schedule.considered_until)
    if fired:
        _note_in_beat(schedule, fired, at)
    save_clock(schedule)


@dataclass(frozen=True, slots=True)
class _Due:
    """Nominal times by what is to be done about them, each list oldest first."""

    skipped: list[datetime]
    made_up: list[datetime]
    on_time: list[datetime]
    until: datetime
    is_last: bool = True

    @classmethod
    def of(cls, timing: Timing, schedule: Schedule, at: datetime) -> "_Due":
        times = timing.between(schedule.considered_until, at, PORTION)
        following = timing.next_after(times[-1]) if times else None
        if following is not None and following <= at:
            # More than a portion: these are older than all that may still be made up for, when so
            # many are left for the next portion.
            keep = len(times) - schedule.catch_up_max - 1
            return cls(times[:keep], [], [], times[keep - 1], is_last=False)
        on_time = times[-1:] if times and at - times[-1] <= GRACE else []
        missed = times[: len(times) - len(on_time)]
        most = schedule.catch_up_max if schedule.catch_up else 0
        if schedule.periodic_task.one_off:
            most = 0 if on_time else min(most, 1)
        made_up = missed[-most:] if most else []
        return cls(missed[: len(missed) - len(made_up)], made_up, on_time, at)


def _fire(schedule: Schedule, due: _Due, at: datetime) -> int:
    """Write the decisions, and start what they say; how many are not skipped."""
    verdicts = _judge(schedule, due, at)
    rows = [*_skip(schedule, due, at), *(row for row, _ in verdicts)]
    inserted = transitions.insert_firings(rows)
    fired = 0
    for row, verdict in verdicts:
        if verdict.reason is not None or row.id not in inserted:
            continue
        fired += 1
        if not verdict.waits:
            start(schedule, row, at)
    return fired


def _skip(schedule: Schedule, due: _Due, at: datetime) -> list[Firing]:
    cut = max(0, len(due.skipped) - SINGLE_SKIPS) if due.is_last else len(due.skipped)
    older, single = due.skipped[:cut], due.skipped[cut:]
    rows = [
        _row(schedule, moment, at, FiringKind.SCHEDULE, reason=SkipReason.MISSED)
        for moment in single
    ]
    for row in rows:
        row.detail = "Nobody fired it in time."
    if older:
        row = _row(schedule, older[0], at, FiringKind.SCHEDULE, reason=SkipReason.MISSED)
        row.until, row.times = older[-1], len(older)
        row.detail = f"Nobody fired these {len(older)} nominal times in time."
        rows.append(row)
    return rows


def _judge(schedule: Schedule, due: _Due, at: datetime) -> list[tuple[Firing, Verdict]]:
    """What the overlap rule says of each, as if what is to be started will be."""
    line = Line(schedule)
    judged = []
    for moment in [*due.made_up, *due.on_time]:
        kind = FiringKind.SCHEDULE if moment in due.on_time else FiringKind.CATCH_UP
        verdict = line.judge(kind, moment, at)
        row = _row(schedule, moment, at, kind, reason=verdict.reason)
        row.detail = verdict.detail
        judged.append((row, verdict))
    return judged


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
    """What beat's pages show. By update(), which tells nobody of a change; a task that runs once
    has run."""
    task = schedule.periodic_task
    values = {"last_run_at": at, "total_run_count": F("total_run_count") + fired}
    if task.one_off:
        values |= {"enabled": False}
        schedule.paused_at, schedule.next_at = at, None
    PeriodicTask.objects.filter(pk=task.pk).update(**values)
