"""What came to a pool's lanes, and how punctually it started: bounded reads over all workspaces."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from controlplane.core.runtime.histograms import RATIO, bucket_of
from controlplane.core.sql import load_sql
from tasks_app.models import RollupMark

_MAX_MINUTES = 500_000  # rows of roll-ups, for the arrivals of a week
_MAX_WAITS = 50_000  # rows of roll-ups, for the waits of an hour
_ROUNDING = 1e-9


def count_starts(since: Mapping[int, datetime]) -> dict[int, int]:
    """How many attempts started in each of these lanes since its moment: those that have ended and
    those that run. Lanes without any are left out."""
    if not since:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_starts"),
            {
                "lanes": list(since),
                "since": list(since.values()),
                "first": min(since.values()),
            },
        )
        return dict(cursor.fetchall())


def sum_arrivals(lanes: Sequence[int], since: datetime, until: datetime) -> dict[int, int]:
    """Submitted tasks by minute of the epoch, of the minutes in [since, until) that have any row of
    these lanes, in order.

    At most half a million rows of the roll-ups are looked at, the newest: with very many types the
    earliest minutes are missing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "sum_arrivals"),
            {"lanes": list(lanes), "since": since, "until": until, "most": _MAX_MINUTES},
        )
        rows = cursor.fetchall()
    if rows and rows[0][2]:
        rows = rows[1:]  # the first minute may have been cut in two
    return {minute: int(submitted) for minute, submitted, _ in rows}


def count_punctual(lanes: Sequence[int], since: datetime, seconds: float) -> tuple[int, int]:
    """How many attempts of these lanes the roll-ups since then hold, and how many of them started
    within `seconds`: those whose bucket ends within it, up to a tenth too few."""
    bucket = bucket_of(seconds * 1000)
    if RATIO**bucket > seconds * 1000 * (1 + _ROUNDING):
        bucket -= 1
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "sum_waits"),
            {"lanes": list(lanes), "since": since, "bucket": bucket, "most": _MAX_WAITS},
        )
        started, on_time = cursor.fetchone()
    return int(started), int(on_time)


def get_rolled_up_until() -> datetime | None:
    """Up to which moment the roll-ups of minutes are written; None when they never were."""
    mark = RollupMark.objects.first()
    return mark.until if mark else None
