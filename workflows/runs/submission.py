"""Starts of steps as calls of the engine: tasks with their joins, in batches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from workflows.steps.starts import Start


def submit_with_joins(
    workspace_id: UUID, specs: Sequence[TaskSpec], joins: Sequence[TaskSpec], *, by: str
) -> tuple[list[UUID], list[UUID]]:
    """Submit tasks and the joins that name them by their refs, in one call; a list that fills a
    whole call gets its join in a second one."""
    if not specs and not joins:
        return [], []
    if len(specs) + len(joins) <= settings.TASKPLANE["BULK_MAX"] or not specs:
        ids = submit_tasks(workspace_id=workspace_id, specs=[*specs, *joins], by=by)
        return ids[: len(specs)], ids[len(specs) :]
    with transaction.atomic():
        tasks = submit_tasks(workspace_id=workspace_id, specs=specs, by=by)
        by_ref = {spec.ref: task for spec, task in zip(specs, tasks, strict=True)}
        known = [
            replace(join, depends_on=[by_ref.get(str(ref), ref) for ref in join.depends_on])
            for join in joins
        ]
        return tasks, submit_tasks(workspace_id=workspace_id, specs=known)


def batch_starts(starts: Sequence[Start]) -> Iterator[list[Start]]:
    """The starts in groups that one call may submit."""
    limit: int = settings.TASKPLANE["BULK_MAX"]
    group: list[Start] = []
    size = 0
    for start in starts:
        if group and size + start.size > limit:
            yield group
            group, size = [], 0
        group.append(start)
        size += start.size
    if group:
        yield group


def step_row(start: Start, tasks: Iterable[UUID], joins: Iterable[UUID]) -> dict[str, Any]:
    """As `transitions.start_steps` takes it, with the ids that its tasks have got."""
    new, join = iter(tasks), iter(joins)
    return {
        "key": start.key,
        "state": start.state.value,
        "task_ids": [str(task or next(new)) for task in start.task_ids],
        "join_id": str(next(join)) if start.join else None,
        "child_run_id": str(start.child_run_id) if start.child_run_id else None,
        "wait_until": start.wait_until.isoformat() if start.wait_until else None,
        "reason": start.reason,
    }
