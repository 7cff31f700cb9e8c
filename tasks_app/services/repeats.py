"""What a repetition of ended tasks must know of their parents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from controlplane.core.sql import load_sql
from tasks_app.models import Task, TaskDependency


@dataclass(frozen=True, slots=True)
class ParentEdge:
    """A parent of a task. `state` is None when the parent has been removed; `newest` and
    `newest_state` are the latest task that repeats the parent's work, or the parent itself."""

    parent: UUID
    is_satisfied: bool
    state: str | None
    newest: UUID
    newest_state: str | None


def lock_with_parents(workspace_id: UUID, ids: Sequence[UUID]) -> dict[UUID, list[ParentEdge]]:
    """The parents of these tasks; those that have been removed are left out.

    Locks the tasks, their parents and what repeats the parents, in the order of ids as everybody
    does: two repetitions of the same task, or one and a retry, come one after the other.
    """
    edges = list(
        TaskDependency.objects.filter(task_id__in=ids, task__workspace_id=workspace_id).values_list(
            "task_id", "depends_on_id", "is_satisfied"
        )
    )
    newest = get_newest_reprocessings(workspace_id, {parent for _, parent, _ in edges})
    states = _lock(workspace_id, {*ids, *newest, *newest.values()})
    found: dict[UUID, list[ParentEdge]] = {task: [] for task in ids if task in states}
    for task, parent, is_satisfied in edges:
        last = newest.get(parent, parent)
        edge = ParentEdge(parent, is_satisfied, states.get(parent), last, states.get(last))
        if task in found:
            found[task].append(edge)
    return found


def get_newest_reprocessings(workspace_id: UUID, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """For each of these tasks the newest one that repeats its work, over any number of
    repetitions, or itself. Tasks that have been removed are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "find_newest_reprocessings"),
            {"ids": list(ids), "workspace": workspace_id},
        )
        return dict(cursor.fetchall())


def _lock(workspace_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=list(ids))
    return dict(tasks.order_by("id").select_for_update(no_key=True).values_list("id", "state"))
