"""What the waiting work consists of, and how long its kinds have taken."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection

from controlplane.core.sql import load_sql

_MAX_LANES = 50
_LOOKED_AT = 200  # of each lane
_MAX_RUNNING = 60_000
_MAX_DUE = 50_000
_LATELY, _DAY = timedelta(minutes=10), timedelta(days=1)
_FEWEST = 30  # attempts


def estimate_types(waiting: Mapping[int, int]) -> dict[str, float]:
    """Estimated ready tasks of each type, given the ready tasks of each lane: the first two
    hundred of each of the fifty longest lanes are the sample."""
    longest = sorted(waiting, key=lambda lane: -waiting[lane])[:_MAX_LANES]
    if not longest:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "sample_ready"), {"lanes": longest, "most": _LOOKED_AT}
        )
        rows: list[tuple[int, str, int]] = cursor.fetchall()
    seen: Counter[int] = Counter()
    for lane, _, tasks in rows:
        seen[lane] += tasks
    found: dict[str, float] = {}
    for lane, kind, tasks in rows:
        found[kind] = found.get(kind, 0.0) + waiting[lane] * tasks / seen[lane]
    return found


def count_running_types(lanes: Sequence[int], since: datetime) -> dict[str, int]:
    """How many running tasks of each type have started since then; of at most 60,000."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_running_types"),
            {"lanes": list(lanes), "since": since, "most": _MAX_RUNNING},
        )
        return dict(cursor.fetchall())


def count_due_types(lanes: Sequence[int], until: datetime) -> dict[str, int]:
    """How many tasks of each type wait for a time up to `until`; of the earliest 50,000."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_due_types"),
            {"lanes": list(lanes), "until": until, "most": _MAX_DUE},
        )
        return dict(cursor.fetchall())


def sum_run_times(
    types: Iterable[str], lanes: Sequence[int], at: datetime
) -> dict[str, dict[int, int]]:
    """How long attempts of these types ran, by bucket: from the roll-ups of the last ten minutes,
    or of a day where these hold fewer than thirty. Types of which none ended are left out."""
    found = _sum(types, lanes, at - _LATELY, 60)
    rare = [kind for kind in types if sum(found.get(kind, {}).values()) < _FEWEST]
    return found | (_sum(rare, lanes, at - _DAY, 3_600) if rare else {})


def _sum(
    types: Iterable[str], lanes: Sequence[int], since: datetime, seconds: int
) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "sum_run_times"),
            {"types": list(types), "lanes": list(lanes), "since": since, "seconds": seconds},
        )
        for kind, bucket, attempts in cursor.fetchall():
            found.setdefault(kind, {})[bucket] = attempts
    return found
