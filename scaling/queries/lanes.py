"""A pool's lanes, of all workspaces, and what is ready in them: bounded reads."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from controlplane.core.sql import load_sql
from tasks_app.models import Queue
from tasks_app.queues import ALL_QUEUES

MAX_LANES = 10_000
MAX_READY = 1_000_000


@dataclass(frozen=True, slots=True)
class Lane:
    """One workspace's share of a queue, with its pause and limits."""

    id: int
    workspace_id: UUID
    queue: str
    is_paused: bool
    max_running: int | None
    rate_per_second: float | None

    @property
    def is_free(self) -> bool:
        """Neither paused nor limited: its tasks wait only for workers."""
        return not self.is_paused and self.max_running is None and self.rate_per_second is None


def list_lanes(queues: Sequence[str]) -> list[Lane]:
    """The lanes of these queues, or of all if ALL_QUEUES is among them; at most MAX_LANES, the
    oldest."""
    lanes = Queue.objects.order_by("id")
    if ALL_QUEUES not in queues:
        lanes = lanes.filter(name__in=list(queues))
    rows = lanes.values_list(
        "id", "workspace_id", "name", "paused_at", "max_running", "rate_per_second"
    )
    return [
        Lane(lane, workspace, name, paused_at is not None, max_running, rate)
        for lane, workspace, name, paused_at, max_running, rate in rows[:MAX_LANES]
    ]


def count_ready(lanes: Sequence[Lane], seconds: float) -> dict[int, int]:
    """Ready tasks by lane that more workers could start within `seconds`.

    A paused lane has none. One with max_running has no more than may run beside what runs; one with
    a rate no more than the rate allows, but at least one. Lanes without any are left out. The
    count stops at MAX_READY.
    """
    open_lanes = [lane for lane in lanes if not lane.is_paused]
    limits = {lane.id: _limit_by_rate(lane, seconds) for lane in open_lanes}
    bounded = {lane.id: lane.max_running for lane in open_lanes if lane.max_running}
    running = _count_running(bounded)
    for lane, max_running in bounded.items():
        limits[lane] = min(limits[lane], max_running - running.get(lane, 0))
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "count_ready"),
            {"lanes": list(limits), "most": list(limits.values()), "in_all": MAX_READY},
        )
        return dict(cursor.fetchall())


def _limit_by_rate(lane: Lane, seconds: float) -> int:
    if lane.rate_per_second is None:
        return MAX_READY
    return min(MAX_READY, max(1, math.ceil(lane.rate_per_second * seconds)))


def _count_running(limits: Mapping[int, int]) -> dict[int, int]:
    if not limits:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("scaling", "count_running_lanes"),
            {"lanes": list(limits), "most": list(limits.values())},
        )
        return dict(cursor.fetchall())
