"""The samples of queues over a span. A minute that was not sampled is a gap, not a 0."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from controlplane.core.sql import load_sql

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LaneSeries:
    """One value for each step: the most tasks that waited and the longest wait of its minutes."""

    waiting: list[float | None]
    oldest_wait_ms: list[float | None]


@dataclass(slots=True)
class Samples:
    """`waiting` and `running` are sums over all queues of the workspace, `slots` those of the
    installation; a step of several minutes has the values of its last sampled one."""

    times: list[datetime]
    waiting: list[float | None] = field(default_factory=list)
    running: list[float | None] = field(default_factory=list)
    slots: list[float | None] = field(default_factory=list)
    longest_ms: list[float | None] = field(default_factory=list)  # of all queues


def steps_between(begin: datetime, end: datetime, step: timedelta) -> list[datetime]:
    """The beginnings of the steps from `begin` on that have begun by `end`."""
    return [begin + step * number for number in range(int((end - begin) / step) + 1)]


def read_samples(
    workspace_id: UUID,
    begin: datetime,
    end: datetime,
    step: timedelta,
    *,
    apart: Sequence[int] = (),
) -> Samples:
    """The sums of a workspace, the waits without those of the queues `apart`. One statement."""
    times = steps_between(begin, end, step)
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "sum_samples"),
            {
                "workspace": workspace_id,
                "from": begin,
                "until": end,
                "step": int(step.total_seconds()),
                "apart": list(apart),
            },
        )
        rows = {at: values for at, *values in cursor.fetchall()}
    columns = [rows.get(at, [None] * 4) for at in times]
    waiting, running, slots, longest = zip(*columns, strict=True) if columns else ((), (), (), ())
    return Samples(times, list(waiting), list(running), list(slots), list(longest))


def read_lane_samples(
    lanes: Sequence[int], begin: datetime, end: datetime, step: timedelta
) -> dict[int, LaneSeries]:
    """The series of these queues, by their ids: a queue in which nothing waited has zeros for the
    minutes that were sampled."""
    times = steps_between(begin, end, step)
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "list_lane_samples"),
            {
                "lanes": list(lanes),
                "from": begin,
                "until": end,
                "step": int(step.total_seconds()),
            },
        )
        found: dict[int | None, dict[datetime, tuple[int, int | None]]] = {}
        for lane, at, waiting, oldest in cursor.fetchall():
            found.setdefault(lane, {})[at] = (waiting, oldest)
    sampled = found.get(None, {})
    series = {}
    for lane in lanes:
        own = found.get(lane, {})
        values = [own.get(at, (0, 0)) if at in sampled else (None, None) for at in times]
        series[lane] = LaneSeries(
            waiting=[waiting for waiting, _ in values],
            oldest_wait_ms=[None if waiting is None else oldest or 0 for waiting, oldest in values],
        )
    return series
