"""The outcomes of a set of tasks, read in a few queries for any number of tasks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from controlplane.core.jsonb import load_jsonb
from controlplane.core.sql import load_sql
from tasks_app.models import Task
from tasks_app.processors.retry import RetryPolicy
from tasks_app.specs import TaskSpec


@dataclass(frozen=True, slots=True)
class Broken:
    """A task that did not complete: its place among those asked for, from 0; `state` is None when
    there is no such task any more."""

    position: int
    task_id: UUID
    state: str | None
    error: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many tasks of a set are in which state; `missing` ones are gone. `result_bytes` is the
    size of the results as JSON. `broken` is the first that did not complete: a failed one before a
    cancelled one, and that before a missing one."""

    unfinished: int
    missing: int
    completed: int
    failed: int
    cancelled: int
    result_bytes: int
    broken: Broken | None


def summarize_outcomes(workspace_id: UUID, ids: Sequence[UUID]) -> Outcomes:
    """The states of these tasks of a workspace."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("workflows", "summarize_outcomes"),
            {"ids": list(ids), "workspace": workspace_id},
        )
        unfinished, missing, completed, failed, cancelled, size, *rest = cursor.fetchone()
    position, task, state, error = rest
    broken = None
    if task is not None:
        broken = Broken(int(position), task, state, orjson.loads(error) if error else None)
    return Outcomes(unfinished, missing, completed, failed, cancelled, int(size), broken)


def list_results(workspace_id: UUID, ids: Sequence[UUID]) -> list[Any]:
    """The results of these tasks in order, None for those that did not complete. Check their size
    first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.result::text"
            " FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS w (id, position)"
            " LEFT JOIN tasks_app_task t ON t.id = w.id AND t.workspace_id = %(workspace)s"
            "  AND t.state = 'COMPLETED'"
            " ORDER BY w.position",
            {"ids": list(ids), "workspace": workspace_id},
        )
        return [None if text is None else load_jsonb(text) for (text,) in cursor.fetchall()]


def list_unfinished(ids: Iterable[UUID]) -> set[UUID]:
    """The tasks among these, of any workspace, that have not ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM tasks_app_task WHERE id = ANY(%s)"
            " AND state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')",
            [list(ids)],
        )
        return {task for (task,) in cursor.fetchall()}


def get_blocked_counts(workspace_id: UUID, ids: Iterable[UUID]) -> dict[UUID, tuple[str, int]]:
    """The state of each of these tasks, and how many parents it still waits for."""
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=list(ids))
    rows = tasks.values_list("id", "state", "blocked_by")
    return {task: (state, count) for task, state, count in rows}


def get_reprocess_specs(workspace_id: UUID, ids: Iterable[UUID]) -> dict[UUID, TaskSpec]:
    """Specs to do the work of these tasks again: equal to the original submissions, except for time
    and parents."""
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=list(ids))
    tasks = tasks.select_related("queue").defer("result", "error")
    return {task.id: _spec_of(task) for task in tasks}


def _spec_of(task: Task) -> TaskSpec:
    return TaskSpec(
        type=task.type,
        payload=task.payload,
        name=task.name,
        queue=task.queue.name,
        priority=task.priority,
        max_attempts=task.round_attempts,
        timeout_seconds=task.timeout_ms / 1000,
        tags=list(task.tags),
        retry=RetryPolicy.from_json(task.retry) if task.retry else None,
        workflow_run_id=task.workflow_run_id,
        step_key=task.step_key,
        reprocess_of=task.id,
    )
