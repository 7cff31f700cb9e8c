"""Searches of the list of tasks that no index serves: a page looks at the next 50,000 tasks, and
the way on leads to those behind them. So even a text that nothing has is answered at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from controlplane.core.cursors import Cursor, Sort
from controlplane.core.ids import first_id_of
from tasks_app.filters import TaskFilter
from tasks_app.queries.lists import in_bounded_time, list_tasks_of
from tasks_app.queries.tasklist import Position, TaskPage

LOOKED_AT_ONCE = 50_000
_EVERYTHING = TaskFilter(is_internal=True)


def find_end(
    workspaces: Sequence[UUID] | None, wanted: TaskFilter, sort: Sort, position: Position
) -> UUID | None:
    """The last task that a page looks at; None if it may look at all that are left. Raises Invalid
    when finding it takes too long."""
    if not _must_look(wanted) or sort.name != "-createdAt" or position.side != "after":
        return None
    tasks = list_tasks_of(workspaces, _EVERYTHING).order_by("-id")
    if position.cursor is not None:
        tasks = tasks.filter(id__lt=position.cursor.row)
    elif wanted.created_before is not None:
        tasks = tasks.filter(id__lt=first_id_of(wanted.created_before))
    with in_bounded_time():
        return tasks.values_list("id", flat=True)[LOOKED_AT_ONCE - 1 : LOOKED_AT_ONCE].first()


def lead_on(page: TaskPage, sort: Sort, end: UUID) -> TaskPage:
    """The page with the way to what is behind the last task that was looked at."""
    if page.next is not None:
        return page
    return replace(page, next=Cursor(sort.name, end, end, page.number + 1).encode())


def time_of(task: UUID) -> datetime:
    """When a task was made, by its id."""
    return datetime.fromtimestamp((task.int >> 80) / 1_000, UTC)


def _must_look(wanted: TaskFilter) -> bool:
    """Whether nothing but looking at each task finds those that match."""
    has_index = wanted.ids or wanted.error_classes or wanted.tags or wanted.workflow_run_ids
    return bool(wanted.search or wanted.payload) and not has_index and not wanted.is_by_failure
