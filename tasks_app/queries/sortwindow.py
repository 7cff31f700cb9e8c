"""Orders of the list of tasks that no index gives: they are orders of its newest tasks, so that a
page does not sort all that an installation has."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.cursors import Sort
from tasks_app.filters import TaskFilter
from tasks_app.models import Task
from tasks_app.states import TaskState

SORTED_AT_ONCE = 10_000
_UNINDEXED = frozenset({"priority", "name", "type"})


def is_of_newest(sort: Sort, wanted: TaskFilter, workspaces: Sequence[UUID]) -> bool:
    """Whether the order is one of the newest tasks only. What waits in one queue is in the order of
    its priorities, and an index has long durations of one workspace."""
    name = sort.name.removeprefix("-")
    if name == "priority" and wanted.statuses == (TaskState.PENDING.value,):
        return len(wanted.queues) != 1
    if name == "durationMs":
        return len(workspaces) != 1 or not sort.is_descending
    return name in _UNINDEXED


def among_newest(tasks: QuerySet[Task]) -> QuerySet[Any]:
    """The newest of these tasks."""
    newest = tasks.order_by("-id").values("id")[:SORTED_AT_ONCE]
    return Task.objects.filter(id__in=newest)
