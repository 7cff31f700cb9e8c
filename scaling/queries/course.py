"""The number of workers over time: desired, recommended and present, and what happened."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from controlplane.core.admin.marks import Mark
from controlplane.core.clock import now
from controlplane.core.ids import first_id_of
from controlplane.core.sql import load_sql
from scaling.models import ScalingEvent
from scaling.queries.pool import POOL
from scaling.states import Trigger
from tasks_app.queries.lists import in_bounded_time
from workers.queries import list_lifetimes, list_lost_since

_MAX_READ = 500  # marks of each kind
_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Course:
    """One value for each time: a decision holds until the next. `desired` and `recommended` are
    None before the first one."""

    times: list[datetime]
    desired: list[int | None]
    recommended: list[int | None]
    present: list[int]


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


def list_marks(since: datetime) -> tuple[list[Mark], set[str]]:
    """Losses of nodes and overrides by people since then, and the kinds of which there are more
    than were read."""
    lost = [
        Mark(at, "lost", f"{name} lost")
        for name, at in list_lost_since(since).values_list("name", "stopped_at")[: _MAX_READ + 1]
        if at is not None
    ]
    manual = ScalingEvent.objects.filter(
        pool=POOL, trigger=Trigger.PERSON, id__gte=first_id_of(since - _SLACK), at__gte=since
    ).order_by("-id")
    by_hand = [
        Mark(at, "override", f"{workers} by hand")
        for at, workers in manual.values_list("at", "to_workers")[: _MAX_READ + 1]
    ]
    cut = {found[0].kind for found in (lost, by_hand) if len(found) > _MAX_READ}
    return [*lost[:_MAX_READ], *by_hand[:_MAX_READ]], cut


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
