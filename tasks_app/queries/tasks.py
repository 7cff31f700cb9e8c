"""Single tasks, and one with what belongs to it, every part of it bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.errors import NotFound
from tasks_app.filters import TaskFilter
from tasks_app.models import Task, TaskAttempt, TaskDependency, TaskLog
from tasks_app.queries.lists import describe_tasks, list_tasks
from tasks_app.states import TaskState
from workers.queries import get_node_names

MAX_SHOWN = 100
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


@dataclass(slots=True)
class TaskDetail:
    """A task, its newest attempts and log lines (oldest of them first), its first neighbours, and
    how many there are of each."""

    task: Task
    attempts: list[TaskAttempt]
    attempts_total: int
    dependencies: list[TaskDependency]
    dependencies_total: int
    dependents: list[TaskDependency]
    dependents_total: int
    logs: list[TaskLog]
    logs_total: int
    reprocessed_as: list[UUID]  # the tasks that repeat its work, oldest first

    def __getattr__(self, name: str) -> Any:
        # A detail shows all that its task does.
        return getattr(self.task, name)


def get_task_detail(workspace_id: UUID, task_id: UUID) -> TaskDetail:
    """One task of a workspace with its history and neighbours. Raises NotFound."""
    task = list_tasks(workspace_id, TaskFilter(ids=(task_id,))).first()
    if task is None:
        raise NotFound(f"There is no task {task_id}.")
    describe_tasks([task])
    attempts = _newest(TaskAttempt.objects.filter(task_id=task_id).order_by("-attempt"))
    names = get_node_names([attempt.node_id for attempt in attempts])
    for attempt in attempts:
        attempt.worker_node = names.get(attempt.node_id)
    above = TaskDependency.objects.filter(task_id=task_id).select_related("depends_on")
    below = TaskDependency.objects.filter(depends_on_id=task_id).select_related("task")
    logs = _newest(TaskLog.objects.filter(task_id=task_id).order_by("-id"))
    return TaskDetail(
        task=task,
        attempts=attempts,
        attempts_total=_total(attempts, TaskAttempt.objects.filter(task_id=task_id)),
        dependencies=_edges(above.order_by("depends_on_id"), "depends_on"),
        dependencies_total=above.count(),
        dependents=_edges(below.order_by("task_id"), "task"),
        dependents_total=below.count(),
        logs=logs,
        logs_total=_total(logs, TaskLog.objects.filter(task_id=task_id)),
        reprocessed_as=list(
            Task.objects.filter(workspace_id=workspace_id, reprocess_of=task_id)
            .order_by("id")
            .values_list("id", flat=True)[:MAX_SHOWN]
        ),
    )


def _newest(rows: QuerySet[Any]) -> list[Any]:
    return list(reversed(rows[:MAX_SHOWN]))


def _total(shown: list[Any], rows: QuerySet[Any]) -> int:
    return len(shown) if len(shown) < MAX_SHOWN else rows.count()


def _edges(edges: QuerySet[TaskDependency], side: str) -> list[TaskDependency]:
    """The first edges, with the columns of the other task that are shown."""
    shown = [f"{side}__{name}" for name in ("id", "name", "type", "state", "finished_at")]
    return list(edges.only("task_id", "depends_on_id", "is_satisfied", *shown)[:MAX_SHOWN])


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
    shown = [Parent(*row) for row in (*broken, *others)]
    return shown[:_PARENTS_SHOWN], edges.count()
