"""What a letter takes over from the task that died: a letter is kept longer than its task."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connections

from controlplane.core.sql import load_sql


class DeadTask(NamedTuple):
    """An ended task with the data that explains its end; JSON columns are JSON text."""

    task_id: UUID
    workspace_id: UUID
    attempt: int
    name: str
    type: str
    queue: str
    priority: int
    tags: list[str]
    error: str | None
    payload: str
    workflow_run_id: UUID | None
    step_key: str | None
    reprocess_of: UUID | None
    died_at: datetime
    round_attempts: int
    timeout_ms: int
    retry: str | None
    on_parent_failure: str


class DeadTaskAttempt(NamedTuple):
    """One attempt of an ended task; `total` is how many it had. The error is JSON text."""

    task_id: UUID
    attempt: int
    worker_node: str | None
    started_at: datetime
    finished_at: datetime
    outcome: str
    error: str | None
    total: int
    version: str | None  # of the node
    release: str | None


def describe_dead_tasks(task_ids: Sequence[UUID], *, using: str) -> list[DeadTask]:
    """These tasks, in the order of the ids. Read on `using`, in whose open transaction they may
    have just ended."""
    with connections[using].cursor() as cursor:
        cursor.execute(load_sql("dlq", "describe_dead_tasks"), {"ids": list(task_ids)})
        return [DeadTask(*row) for row in cursor.fetchall()]


def list_dead_task_attempts(
    task_ids: Sequence[UUID], *, using: str, first: int, last: int
) -> dict[UUID, list[DeadTaskAttempt]]:
    """The `first` and the `last` attempts of each of these tasks that has any, in their order."""
    attempts: dict[UUID, list[DeadTaskAttempt]] = {}
    with connections[using].cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "list_dead_task_attempts"),
            {"ids": list(task_ids), "first": first, "last": last},
        )
        for row in cursor.fetchall():
            attempts.setdefault(row[0], []).append(DeadTaskAttempt(*row))
    return attempts
