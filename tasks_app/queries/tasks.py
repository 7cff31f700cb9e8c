"""Single tasks, and one with what belongs to it, every part of it bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model

from controlplane.core.clock import now
from controlplane.core.errors import NotFound
from controlplane.core.jsonb import load_jsonb
from controlplane.core.sql import load_sql, prepared_cursor
from tasks_app.models import IdempotencyKey, Task, TaskAttempt, TaskDependency, TaskLog
from tasks_app.queries.lists import MAX_PARENTS_SHOWN
from tasks_app.queries.taskrows import read_task_rows
from tasks_app.states import TaskState

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


def is_key_used(workspace_id: UUID, key: str) -> bool:
    """Whether an idempotency key still answers with what it made before."""
    known = IdempotencyKey.objects.filter(workspace_id=workspace_id, key=key)
    return known.filter(expires_at__gt=now()).exists()


def get_parent_states(workspace_id: UUID, task_id: UUID) -> dict[UUID, str]:
    """The states of all tasks that a task waits for or has waited for, by their ids in order; those
    that were removed are left out."""
    parents = Task.objects.filter(workspace_id=workspace_id, dependents__task_id=task_id)
    return dict(parents.order_by("id").values_list("id", "state"))


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


_M = TypeVar("_M", bound=Model)


class Attempt(NamedTuple):
    """One attempt, with the name of its node."""

    attempt: int
    worker_node: str | None
    outcome: str
    error: Any
    wait_ms: int
    started_at: datetime
    finished_at: datetime


@dataclass(slots=True)
class TaskDetail:
    """A task, its newest attempts and log lines (oldest of them first), its first neighbours, and
    how many there are of each. A neighbour is a task with `is_satisfied`, whether the wait between
    the two is over, and only what is shown of it."""

    task: Any  # a row of show_task.sql
    attempts: list[Attempt]
    attempts_total: int
    dependencies: list[Task]
    dependencies_total: int
    dependents: list[Task]
    dependents_total: int
    logs: list[TaskLog]
    logs_total: int
    reprocessed_as: list[UUID]  # the tasks that repeat its work, oldest first

    @property
    def older_than(self) -> int | None:
        """The id of the oldest log line here, if there are older ones."""
        return self.logs[0].id if self.logs_total > len(self.logs) else None

    def __getattr__(self, name: str) -> Any:
        # A detail shows all that its task does.
        return getattr(self.task, name)


def get_task_detail(workspace_id: UUID, task_id: UUID) -> TaskDetail:
    """One task of a workspace with its history and neighbours. Raises NotFound.

    The statements are written out, and those that can find nothing are left out: the ORM needs
    longer to compose such statements than Postgres to answer them.
    """
    wanted = {"task": task_id, "workspace": workspace_id, "most": MAX_PARENTS_SHOWN}
    with connection.wrap_database_errors, prepared_cursor("default") as cursor:
        found = read_task_rows(cursor, load_sql("tasks_app", "show_task"), wanted)
    if not found:
        raise NotFound(f"There is no task {task_id}.")
    task: Any = found[0]
    has_run = task.attempt > 0
    attempts = _read_attempts(task_id) if has_run else []
    logs = _read(TaskLog, load_sql("tasks_app", "list_logs"), task=task_id) if has_run else []
    above = _read(Task, load_sql("tasks_app", "list_parents"), task=task_id) if task.parents else []
    below = (
        _read(Task, load_sql("tasks_app", "list_dependents"), task=task_id)
        if task.has_dependents
        else []
    )
    return TaskDetail(
        task=task,
        attempts=attempts[::-1],
        attempts_total=_total(attempts, TaskAttempt, task_id=task_id),
        dependencies=above,
        dependencies_total=_total(above, TaskDependency, task_id=task_id),
        dependents=below,
        dependents_total=_total(below, TaskDependency, depends_on_id=task_id),
        logs=logs[::-1],
        logs_total=_total(logs, TaskLog, task_id=task_id),
        reprocessed_as=task.reprocessed_as,
    )


def _read(model: type[_M], sql: str, **parameters: Any) -> list[_M]:
    return list(model._default_manager.raw(sql, {"most": MAX_SHOWN, **parameters}))


def _read_attempts(task_id: UUID) -> list[Attempt]:
    # Not by `raw`, which knows no primary key of two columns.
    with connection.cursor() as cursor:
        cursor.execute(load_sql("tasks_app", "list_attempts"), {"task": task_id, "most": MAX_SHOWN})
        found = [Attempt._make(row) for row in cursor.fetchall()]
    return [a if a.error is None else a._replace(error=load_jsonb(a.error)) for a in found]


def _total(shown: list[Any], model: type[Model], **condition: UUID) -> int:
    if len(shown) < MAX_SHOWN:
        return len(shown)
    return model._default_manager.filter(**condition).count()


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
