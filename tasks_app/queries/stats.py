"""Statistics of a workspace: its tasks, and those that ended within a window."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Min

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.sql import load_sql
from tasks_app.models import Rollup, Task
from tasks_app.processors.registry import internal_types
from tasks_app.queries.counts import TaskCounts, count_tasks
from tasks_app.queries.lists import in_bounded_time
from tasks_app.queries.queues import list_queues

# The longest window whose attempts can be read in bounded time is used.
WINDOWS_SECONDS = (300, 60, 10)
_MAX_ATTEMPTS = 500_000
_WINDOW_SECONDS_TO_READ = 3.0
_MIN_SECONDS = 1.0
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_BY_MINUTES = timedelta(days=1)  # minutes are kept for a week


@dataclass(frozen=True, slots=True)
class Window:
    """Tasks that ended in the last `seconds`; attempts, if the name contains it."""

    seconds: int
    completed: int
    failed: int
    attempts: int
    failed_attempts: int

    @property
    def success_rate(self) -> float | None:
        """The share of completed tasks among those that completed or failed."""
        ended = self.completed + self.failed
        return round(self.completed / ended, 4) if ended else None


@dataclass(frozen=True, slots=True)
class TaskStats:
    """Counts are of the tasks that exist; throughput is of tasks that completed or failed, times
    are of the attempts of the window."""

    counts: TaskCounts
    by_queue: dict[str, int]
    window: Window
    per_second_1m: float
    per_second_5m: float
    processing_ms: dict[str, float | None]
    wait_ms: dict[str, float | None]


def get_task_stats(workspace_id: UUID, *, with_internal: bool = False) -> TaskStats:
    """The statistics of a workspace, at a cost that does not depend on the history."""
    names = dict(list_queues(workspace_id).values_list("id", "name"))
    counts = count_tasks(workspace_id, with_internal=with_internal)
    window, recent = _summarize(workspace_id, with_internal=with_internal)
    measured = measured_seconds(workspace_id, window.seconds)
    return TaskStats(
        counts=counts,
        by_queue={names[queue]: tasks for queue, tasks in counts.queues.items() if queue in names},
        window=window,
        per_second_1m=round(recent["lastMinute"] / min(60, measured), 3),
        per_second_5m=round((window.completed + window.failed) / measured, 3),
        processing_ms=recent["processingMs"],
        wait_ms=recent["waitMs"],
    )


def _summarize(workspace_id: UUID, *, with_internal: bool) -> tuple[Window, dict[str, Any]]:
    """The longest window that can be read in bounded time, and its attempts."""
    hidden = [] if with_internal else list(internal_types())
    for seconds in WINDOWS_SECONDS:
        is_last = seconds == WINDOWS_SECONDS[-1]
        try:
            with in_bounded_time(_WINDOW_SECONDS_TO_READ):
                found = _read(workspace_id, seconds, hidden)
        except Invalid:
            if is_last:
                raise
            continue
        if found["attempts"] < _MAX_ATTEMPTS or is_last:
            window = Window(
                seconds=seconds,
                completed=found["completed"],
                failed=found["failed"],
                attempts=found["attempts"],
                failed_attempts=found["failedAttempts"],
            )
            return window, found
    raise AssertionError("the last window is always used")


def _read(workspace_id: UUID, seconds: int, hidden: list[str]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "summarize_attempts"),
            {
                "workspace": workspace_id,
                "seconds": seconds,
                "most": _MAX_ATTEMPTS,
                "hidden": hidden,
            },
        )
        (found,) = cursor.fetchone()
        summary: dict[str, Any] = orjson.loads(found) if isinstance(found, str) else found
        return summary


def measured_seconds(workspace_id: UUID, window_seconds: float) -> float:
    """The part of the last `window_seconds` since the first task of the workspace."""
    begin = now() - timedelta(seconds=window_seconds)
    return max(_MIN_SECONDS, (now() - measured_since(workspace_id, begin)).total_seconds())


def measured_since(workspace_id: UUID, begin: datetime) -> datetime:
    """`begin`, or when the first task of the workspace was made if that is later. Two look-ups by
    an index, whatever the history."""
    unit = _MINUTE if now() - begin <= _BY_MINUTES else _HOUR
    rollups = Rollup.objects.filter(workspace_id=workspace_id, seconds=int(unit.total_seconds()))
    earliest = rollups.aggregate(at=Min("at"))["at"]
    if earliest is not None and earliest <= begin:
        return begin
    first = Task.objects.filter(workspace_id=workspace_id).order_by("id").only("created_at").first()
    if first is not None and (earliest is None or first.created_at < earliest + unit):
        return max(begin, first.created_at)
    return earliest or begin  # the first task may have been removed
