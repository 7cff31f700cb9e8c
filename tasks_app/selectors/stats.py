"""Figures of a workspace: what waits and runs now, what ended within a stated window."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from controlplane.core.errors import Invalid
from controlplane.core.sql import load_sql
from tasks_app.selectors.lists import in_bounded_time
from tasks_app.selectors.queues import LaneCounts, count_lanes, list_queues
from tasks_app.states import TaskState

# The longest window whose attempts can be read in bounded time is the one told.
WINDOWS_SECONDS = (300, 60, 10)
_MOST_ATTEMPTS = 500_000
_MOST_TROUBLE = 10_000
_MOST_TYPED = 50_000
_WINDOW_SECONDS_TO_READ = 3.0


@dataclass(frozen=True, slots=True)
class TaskStats:
    """`window_seconds` is what the ended tasks, throughput, times and success rate are of. Counts
    are lower bounds when `is_capped`. Throughput counts attempts."""

    window_seconds: int
    is_capped: bool
    by_status: dict[str, int]
    by_type: dict[str, int]
    by_queue: dict[str, int]
    per_second_1m: float
    per_second_5m: float
    processing_ms: dict[str, float | None]
    wait_ms: dict[str, float | None]
    success_rate: float | None

    @property
    def total(self) -> int:
        return sum(self.by_status.values())


def get_task_stats(workspace_id: UUID) -> TaskStats:
    """The figures of a workspace, at a cost that history does not change."""
    names = dict(list_queues(workspace_id).values_list("id", "name"))
    lanes = count_lanes(list(names))
    window, recent = _summarize(workspace_id)
    trouble = _rows(
        "count_recent_trouble",
        {"workspace": workspace_id, "seconds": window, "most": _MOST_TROUBLE},
    )
    waiting_types = _rows("count_waiting_types", {"workspace": workspace_id, "most": _MOST_TYPED})
    by_status = _by_status(lanes)
    by_queue = Counter({lane: _unfinished(counts) for lane, counts in lanes.items()})
    by_type: Counter[str] = Counter()
    for _, type_name, count in waiting_types:
        by_type[type_name] += count
    ended = [(TaskState.COMPLETED.value, *row) for row in recent["completed"]]
    for status, lane, type_name, count in [*ended, *trouble]:
        by_status[status] += count
        by_queue[lane] += count
        by_type[type_name] += count
    decided = recent["succeeded"] + recent["bad"]
    return TaskStats(
        window_seconds=window,
        is_capped=any(counts.is_capped for counts in lanes.values()),
        by_status=by_status,
        by_type=dict(by_type.most_common()),
        by_queue={names[lane]: count for lane, count in by_queue.most_common() if lane in names},
        per_second_1m=round(recent["lastMinute"] / min(60, window), 3),
        per_second_5m=round(recent["attempts"] / window, 3),
        processing_ms=recent["processingMs"],
        wait_ms=recent["waitMs"],
        success_rate=round(recent["succeeded"] / decided, 4) if decided else None,
    )


def _by_status(lanes: dict[int, LaneCounts]) -> dict[str, int]:
    found = dict.fromkeys(TaskState.values, 0)
    for counts in lanes.values():
        found[TaskState.PENDING] += counts.pending
        found[TaskState.RUNNING] += counts.running
        found[TaskState.SCHEDULED] += counts.scheduled
        found[TaskState.RETRYING] += counts.retrying
        found[TaskState.BLOCKED] += counts.blocked
    return found


def _unfinished(counts: LaneCounts) -> int:
    return counts.pending + counts.running + counts.scheduled + counts.retrying + counts.blocked


def _summarize(workspace_id: UUID) -> tuple[int, dict[str, Any]]:
    """The longest window that can be read in bounded time, and what ended in it."""
    for seconds in WINDOWS_SECONDS:
        is_last = seconds == WINDOWS_SECONDS[-1]
        try:
            with in_bounded_time(_WINDOW_SECONDS_TO_READ):
                ((found,),) = _rows(
                    "summarize_attempts",
                    {"workspace": workspace_id, "seconds": seconds, "most": _MOST_ATTEMPTS},
                )
        except Invalid:
            if is_last:
                raise
            continue
        summary: dict[str, Any] = orjson.loads(found) if isinstance(found, str) else found
        if summary["attempts"] < _MOST_ATTEMPTS or is_last:
            return seconds, summary
    raise AssertionError("the last window is always told")


def _rows(name: str, params: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(load_sql("tasks_app", name), params)
        found: list[Any] = cursor.fetchall()
        return found
