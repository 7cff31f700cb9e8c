"""Orders of the list of tasks that no index gives: they are orders of its newest tasks, so that a
page does not sort all that an installation has."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.cursors import Sort
from tasks_app.filters import TaskFilter
from tasks_app.models import HAS_DURATION, Task
from tasks_app.queries.lists import in_bounded_time
from tasks_app.states import TaskState

SORTED_AT_ONCE = 10_000
_UNINDEXED = frozenset({"priority", "name", "type"})
_DURATION = "durationMs"


def is_of_newest(sort: Sort, wanted: TaskFilter, workspaces: Sequence[UUID]) -> bool:
    """Whether the order is one of the newest tasks only. What waits in one queue is in the order of
    its priorities, and an index has long durations of one workspace."""
    name = sort.name.removeprefix("-")
    if name == "priority" and wanted.statuses == (TaskState.PENDING.value,):
        return len(wanted.queues) != 1
    if name == _DURATION:
        return len(workspaces) != 1 or not sort.is_descending
    return name in _UNINDEXED


def among_newest(tasks: QuerySet[Task], sort: Sort) -> QuerySet[Task]:
    """The newest of these tasks; with a duration, if that is the order. Raises Invalid when finding
    them takes too long."""
    sorted_ones = tasks.filter(HAS_DURATION) if sort.name.endswith(_DURATION) else tasks
    ids = sorted_ones.order_by("-id").values_list("id", flat=True)
    with in_bounded_time():
        # A range of ids, so that an index limits what is read, whatever the plan.
        last = ids[SORTED_AT_ONCE - 1 : SORTED_AT_ONCE].first()
    return tasks if last is None else tasks.filter(id__gte=last)
