"""One task with what belongs to it, every part of it bounded."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.errors import NotFound
from tasks_app.filters import TaskFilter
from tasks_app.models import Task, TaskAttempt, TaskDependency, TaskLog
from tasks_app.queries.lists import describe_tasks, list_tasks
from workers.queries import get_node_names

MAX_SHOWN = 100


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
