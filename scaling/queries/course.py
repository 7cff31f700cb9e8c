"""The number of workers over time: desired, recommended and present, and what happened."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from controlplane.core.clock import now
from controlplane.core.ids import first_id_of
from controlplane.core.sql import load_sql
from scaling.models import ScalingEvent
from scaling.queries.pool import POOL
from scaling.states import Trigger
from tasks_app.queries.lists import in_bounded_time
from workers.queries import list_lifetimes, list_lost_since

MAX_MARKS = 5
_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Course:
    """One value for each time: a decision holds until the next. `desired` and `recommended` are
    None before the first one."""

    times: list[datetime]
    desired: list[int | None]
    recommended: list[int | None]
    present: list[int]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to the fleet."""

    at: datetime
    words: str


def read_course(span: timedelta, steps: int) -> Course:
    """The last `span` in equal steps."""
    end = now()
    step = span / steps
    begin = end - span
    times = [begin + step * number for number in range(steps + 1)]
    decided = _decisions(begin, step)
    desired: list[int | None] = []
    recommended: list[int | None] = []
    current = _decided_before(begin)
    for number in range(steps + 1):
        current = decided.get(number, current)
        recommended.append(None if current is None else current[0])
        desired.append(None if current is None else current[1])
    lifetimes = list_lifetimes(begin)
    starts = sorted(started for started, _ in lifetimes)
    ends = sorted(ended for _, ended in lifetimes if ended is not None)
    return Course(
        times=times,
        desired=desired,
        recommended=recommended,
        present=[bisect_right(starts, at) - bisect_right(ends, at) for at in times],
    )


def list_marks(since: datetime) -> list[Mark]:
    """The newest losses of nodes and overrides by people since then."""
    lost = [
        Mark(at, f"{name} lost")
        for name, at in list_lost_since(since).values_list("name", "stopped_at")[:MAX_MARKS]
        if at is not None
    ]
    manual = ScalingEvent.objects.filter(
        pool=POOL, trigger=Trigger.PERSON, id__gte=first_id_of(since - _SLACK), at__gte=since
    ).order_by("-id")
    by_hand = [
        Mark(at, f"{workers} by hand")
        for at, workers in manual.values_list("at", "to_workers")[:MAX_MARKS]
    ]
    return sorted([*lost, *by_hand], key=lambda mark: mark.at)[-MAX_MARKS:]


def _decisions(begin: datetime, step: timedelta) -> dict[int, tuple[int, int]]:
    """The recommended and the desired workers by the number of the step."""
    with in_bounded_time(narrow_by="a shorter span"), connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "group_decisions"),
            {
                "pool": POOL,
                "from": begin,
                "step": step.total_seconds(),
                "first_id": first_id_of(begin - _SLACK),
            },
        )
        return {
            round((at - begin) / step): (recommended, desired)
            for at, recommended, desired in cursor.fetchall()
        }


def _decided_before(begin: datetime) -> tuple[int, int] | None:
    earlier = ScalingEvent.objects.filter(pool=POOL, id__lt=first_id_of(begin), at__lt=begin)
    return earlier.order_by("-id").values_list("recommended_workers", "to_workers").first()
