"""All that is on record of some tasks, for those who check the engine against what they asked."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count

from tasks_app.models import Task, TaskAttempt, TaskDependency


class LedgerTask(NamedTuple):
    """A task as it stands."""

    id: UUID
    state: str
    attempt: int  # attempts that were charged
    finished_at: datetime | None


class LedgerAttempt(NamedTuple):
    """An attempt that started."""

    task_id: UUID
    attempt: int
    outcome: str
    wait_ms: int  # from ready to started
    started_at: datetime
    finished_at: datetime


class LedgerEdge(NamedTuple):
    """A task that waits for another, and when that one ended; None: it has not, or is gone."""

    task_id: UUID
    parent_id: UUID
    parent_finished_at: datetime | None


class Ledger(NamedTuple):
    """What is on record of some tasks. Those that are gone have no row in `tasks`."""

    tasks: list[LedgerTask]
    attempts: list[LedgerAttempt]  # by task, then by number
    edges: list[LedgerEdge]


def read_ledger(workspace_id: UUID, ids: Sequence[UUID]) -> Ledger:
    """The record of these tasks, found by their primary keys."""
    wanted = list(ids)
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=wanted)
    edges = list(
        TaskDependency.objects.filter(task_id__in=wanted).values_list("task_id", "depends_on_id")
    )
    parents = Task.objects.filter(id__in={parent for _, parent in edges})
    ended_at = dict(parents.values_list("id", "finished_at"))
    return Ledger(
        tasks=[
            LedgerTask(*row) for row in tasks.values_list("id", "state", "attempt", "finished_at")
        ],
        attempts=list_attempts(workspace_id, wanted),
        edges=[LedgerEdge(task, parent, ended_at.get(parent)) for task, parent in edges],
    )


def list_attempts(workspace_id: UUID, ids: Sequence[UUID]) -> list[LedgerAttempt]:
    """The attempts of these tasks, by task, then by number."""
    attempts = TaskAttempt.objects.filter(workspace_id=workspace_id, task_id__in=list(ids))
    columns = ("task_id", "attempt", "outcome", "wait_ms", "started_at", "finished_at")
    rows = attempts.order_by("task_id", "attempt").values_list(*columns)
    return [LedgerAttempt(*row) for row in rows]


def count_states(workspace_id: UUID, ids: Sequence[UUID]) -> dict[str, int]:
    """How many of these tasks are in each state; those that are gone count nowhere."""
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=list(ids)).order_by()
    return dict(tasks.values_list("state").annotate(Count("id")))
