"""Reads of tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from controlplane.core.errors import NotFound
from controlplane.core.sql import load_sql
from tasks_app.models import Task, TaskDependency
from tasks_app.states import TaskState

_PARENTS_SHOWN = 20


def get_task(workspace_id: UUID, task_id: UUID) -> Task:
    """One task of a workspace. Raises NotFound."""
    task = Task.objects.filter(workspace_id=workspace_id, id=task_id).first()
    if task is None:
        raise NotFound(f"There is no task {task_id}.")
    return task


def get_states(workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The states of these tasks; those that the workspace does not have are left out."""
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=ids)
    return dict(tasks.values_list("id", "state"))


def get_workflow_runs(workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The workflow runs of those of these tasks that belong to one."""
    tasks = Task.objects.filter(
        workspace_id=workspace_id, id__in=ids, workflow_run_id__isnull=False
    )
    return {task: run for task, run in tasks.values_list("id", "workflow_run_id") if run}


def get_dependency_results(workspace_id: UUID, task_id: UUID) -> Mapping[UUID, Any]:
    """The results of the completed parents of a task, by their ids."""
    parents = Task.objects.filter(
        workspace_id=workspace_id, dependents__task_id=task_id, state=TaskState.COMPLETED
    )
    return dict(parents.values_list("id", "result"))


def list_queues_with_ready_tasks() -> dict[str, int]:
    """Queues with claimable work, of all workspaces, with a lower bound of how much: enough to
    know how many slots to wake. Costs one index probe per lane, whatever the backlog."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql("tasks_app", "list_ready_queues"))
        return dict(cursor.fetchall())


def list_nodes_holding_tasks() -> list[int]:
    """The ids of nodes that hold leases."""
    held = Task.objects.filter(state=TaskState.RUNNING)
    return [node for node in held.values_list("node_id", flat=True).distinct() if node]


@dataclass(frozen=True, slots=True)
class Parent:
    """A task that another waits for."""

    id: UUID
    name: str
    status: str


def describe_parents(task_id: UUID) -> tuple[list[Parent], int]:
    """The first parents that are not satisfied, those that ended badly before the others, and how
    many there are."""
    edges = TaskDependency.objects.filter(task_id=task_id, is_satisfied=False)
    rows = edges.values_list("depends_on_id", "depends_on__name", "depends_on__state")
    broken = rows.filter(depends_on__state__in=["FAILED", "CANCELLED"])[:_PARENTS_SHOWN]
    others = rows.exclude(depends_on__state__in=["FAILED", "CANCELLED"])[:_PARENTS_SHOWN]
    found = [Parent(*row) for row in (*broken, *others)]
    return found[:_PARENTS_SHOWN], edges.count()
