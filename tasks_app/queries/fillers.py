"""Who fills a queue: its waiting tasks by workspace, type and tag; and what fails in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from controlplane.core.sql import load_sql
from tasks_app.models import Queue
from tasks_app.queries.counts import LaneCounts, count_lanes
from tasks_app.queries.queues import list_longest_waits

MAX_LOOKED_AT = 2_000  # tasks that start next, of a queue with more
MAX_ROWS = 20  # of each kind
_MAX_CHANGES = 20_000  # of counts that are not folded
_MAX_FAILURES = 1_000  # newest ones, among which those of the span are grouped
_MAX_LANES = 200


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of what waits in a queue. `oldest_ms`: how long its first task has waited; None when
    that is not among the tasks that were looked at. `lane`: the queue of a workspace."""

    name: str
    tasks: int
    oldest_ms: int | None
    lane: int | None = None


@dataclass(slots=True)
class Fillers:
    """The slices of a queue, the largest first. `is_complete`: all its waiting tasks were looked
    at. If not, tags and the oldest of each slice are those of the `looked_at` tasks that start
    next, and types count every task that has not ended."""

    looked_at: int = 0
    is_complete: bool = True
    types: list[Slice] = field(default_factory=list)
    tags: list[Slice] = field(default_factory=list)
    workspaces: list[Slice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed tasks of one class of error and one type, with the newest error as it is stored."""

    error_class: str
    type: str
    tasks: int
    error: Any


def find_fillers(queue: Queue, workspaces: Sequence[UUID] | None) -> Fillers:
    """The slices of a queue. `workspaces`: whose share of the queue may be shown; None means all.
    The cost does not depend on how many tasks wait."""
    found = Fillers()
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "group_waiting"),
            {"lane": queue.id, "most": MAX_LOOKED_AT, "rows": MAX_ROWS},
        )
        for kind, name, tasks, oldest_ms in cursor.fetchall():
            if kind == "all":
                found.looked_at = tasks
            else:
                slices = found.types if kind == "type" else found.tags
                slices.append(Slice(name, tasks, oldest_ms))
    found.is_complete = found.looked_at < MAX_LOOKED_AT
    if not found.is_complete:
        found.types = _count_types(queue, found.types)
    found.workspaces = _find_workspaces(queue.name, workspaces)
    return found


def _count_types(queue: Queue, looked_at: Sequence[Slice]) -> list[Slice]:
    oldest = {each.name: each.oldest_ms for each in looked_at}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_unfinished_types"),
            {"lane": queue.id, "changes": _MAX_CHANGES, "rows": MAX_ROWS},
        )
        return [Slice(name, tasks, oldest.get(name)) for name, tasks in cursor.fetchall()]


def _find_workspaces(name: str, workspaces: Sequence[UUID] | None) -> list[Slice]:
    lanes = Queue.objects.filter(name=name).order_by("id")
    if workspaces is not None:
        lanes = lanes.filter(workspace_id__in=workspaces)
    names = dict(lanes.values_list("id", "workspace__slug")[:_MAX_LANES])
    counts, waits = count_lanes(list(names)), list_longest_waits(list(names))
    slices = [
        Slice(slug, counts.get(lane, LaneCounts()).pending, waits.get(lane), lane)
        for lane, slug in names.items()
    ]
    waiting = [each for each in slices if each.tasks]
    return sorted(waiting, key=lambda each: (-each.tasks, each.name))[:MAX_ROWS]


def group_failures(queue: Queue, since: datetime) -> list[FailureGroup]:
    """The failures of a queue since then, among its newest thousand, the most frequent first."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "group_failures"),
            {"lane": queue.id, "since": since, "most": _MAX_FAILURES, "rows": MAX_ROWS},
        )
        return [
            FailureGroup(name, type_name, tasks, orjson.loads(error))
            for name, type_name, tasks, error in cursor.fetchall()
        ]
