"""What a pool of workers has to do now, over the lanes of all workspaces: bounded reads."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from controlplane.core.sql import load_sql
from tasks_app.models import Queue
from tasks_app.queries.runtimes import list_async_types
from tasks_app.queues import ALL_QUEUES

MAX_LANES = 10_000
MAX_READY = 1_000_000
_MAX_RUNNING = 200_000
_MAX_DUE = 50_000
_MAX_OF_RUN = 100_000
_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Lane:
    """One workspace's share of a queue, with what holds it back."""

    id: int
    workspace_id: UUID
    queue: str
    is_paused: bool
    max_running: int | None
    rate_per_second: float | None

    @property
    def is_free(self) -> bool:
        """Neither paused nor limited: what waits in it waits for workers alone."""
        return not self.is_paused and self.max_running is None and self.rate_per_second is None


@dataclass(frozen=True, slots=True)
class RunningGroup:
    """Running tasks of about the same age, in seconds."""

    is_async: bool
    age: float
    tasks: int


def list_lanes(queues: Sequence[str]) -> list[Lane]:
    """The lanes of these queues, or of all if ALL_QUEUES is among them; at most MAX_LANES, the
    oldest."""
    found = Queue.objects.order_by("id")
    if ALL_QUEUES not in queues:
        found = found.filter(name__in=list(queues))
    rows = found.values_list(
        "id", "workspace_id", "name", "paused_at", "max_running", "rate_per_second"
    )
    return [
        Lane(lane, workspace, name, paused_at is not None, most, rate)
        for lane, workspace, name, paused_at, most, rate in rows[:MAX_LANES]
    ]


def count_ready(lanes: Sequence[Lane], seconds: float) -> dict[int, int]:
    """Ready tasks by lane that more workers could start within `seconds`.

    A paused lane has none. One with max_running has no more than may run beside what runs; one with
    a rate no more than the rate allows, but at least one. Lanes without any are left out. The
    count stops at MAX_READY.
    """
    open_lanes = [lane for lane in lanes if not lane.is_paused]
    limits = {lane.id: _most_ready(lane, seconds) for lane in open_lanes}
    bounded = {lane.id: lane.max_running for lane in open_lanes if lane.max_running}
    running = _count_running(bounded)
    for lane, most in bounded.items():
        limits[lane] = min(limits[lane], most - running.get(lane, 0))
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_ready"),
            {"lanes": list(limits), "most": list(limits.values()), "in_all": MAX_READY},
        )
        return dict(cursor.fetchall())


def find_longest_wait(lanes: Sequence[int]) -> float:
    """For how many seconds the first ready task of these lanes has waited; 0 when none waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "find_oldest_waiting"),
            {"lanes": list(lanes), "some": _LOOKED_AT},
        )
        return max((waited for _, waited in cursor.fetchall()), default=0) / 1000


def group_running(
    lanes: Sequence[int],
    at: datetime,
    *,
    without_nodes: Sequence[int],
    edges: Sequence[float],
    single: int,
) -> list[RunningGroup]:
    """How long the tasks that run have run at `at`, the oldest first, without those of some nodes.

    Up to `single` tasks each stands for itself; more are put together between the `edges` (seconds,
    ascending). At most 200,000 tasks are looked at.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "group_running"),
            {
                "lanes": list(lanes),
                "at": at,
                "without": list(without_nodes),
                "async": list_async_types(),
                "edges": list(edges),
                "single": single,
                "most": _MAX_RUNNING,
            },
        )
        groups = [RunningGroup(*row) for row in cursor.fetchall()]
    return sorted(groups, key=lambda group: -group.age)


def count_due(
    lanes: Sequence[int], at: datetime, until: datetime, *, step: float
) -> list[tuple[int, int]]:
    """Tasks that wait for a time up to `until`: (step, tasks), step k begins `step * k` seconds
    after `at`. Overdue tasks count in the first. Reads the earliest 50,000 of all lanes."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_due"),
            {"lanes": list(lanes), "at": at, "until": until, "step": step, "most": _MAX_DUE},
        )
        found: list[tuple[int, int]] = cursor.fetchall()
        return found


def count_tasks_of_runs(runs: Sequence[UUID], lanes: Sequence[int]) -> dict[UUID, int]:
    """How many tasks each of these workflow runs has in these lanes, up to 100,000."""
    if not runs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_tasks_of_runs"),
            {"runs": list(runs), "lanes": list(lanes), "most": _MAX_OF_RUN},
        )
        return dict(cursor.fetchall())


def _most_ready(lane: Lane, seconds: float) -> int:
    if lane.rate_per_second is None:
        return MAX_READY
    return min(MAX_READY, max(1, math.ceil(lane.rate_per_second * seconds)))


def _count_running(most: Mapping[int, int]) -> dict[int, int]:
    if not most:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_running_lanes"),
            {"lanes": list(most), "most": list(most.values())},
        )
        return dict(cursor.fetchall())
