"""One page of a list of tasks as people read it: rows, the way to its neighbours, and figures."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, Func, IntegerField, QuerySet

from controlplane.core.cursors import (
    EXACT_TOTAL,
    Cursor,
    Sort,
    count_or_estimate,
    read_before,
    read_behind,
)
from controlplane.core.errors import Invalid
from controlplane.core.sql import load_sql
from tasks_app.filters import TaskFilter
from tasks_app.models import Queue, Task
from tasks_app.queries.lists import estimate_count, in_bounded_time, list_tasks_of
from tasks_app.queries.pages import (
    TaskTotal,
    count_kept_states,
    read_page,
    read_previous_page,
)
from tasks_app.states import TaskState

_COUNT_SECONDS = 0.1
_NEWER_SECONDS = 1.0
_UNKNOWN_SECONDS = 0.1  # open pages ask for it each second or two
_SMALL_RESULT_BYTES = 400
_MAX_QUEUES = 200


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: behind or before the row of a cursor; None is the beginning."""

    side: Literal["after", "before"] = "after"
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """How many tasks match. `by_state` ignores the states of the filter; None if it is unknown."""

    total: int
    is_estimate: bool
    by_state: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Described rows in order, the small results of completed ones, and the cursors of the pages
    around them; None where there is none."""

    rows: Sequence[Any]
    results: Mapping[UUID, Any]
    number: int
    previous: str | None
    next: str | None


def read_task_page(
    tasks: QuerySet[Task],
    sort: Sort,
    position: Position,
    limit: int,
    apart: Sequence[UUID] = (),
) -> TaskPage:
    """One page of tasks; for `apart` see read_page. Raises Invalid when finding it takes too
    long."""
    with in_bounded_time():
        page = _read(tasks.defer("payload", "result"), sort, position, limit, apart)
        return replace(page, results=_read_results(page.rows))


def _read(
    tasks: QuerySet[Task], sort: Sort, position: Position, limit: int, apart: Sequence[UUID]
) -> TaskPage:
    cursor = position.cursor
    if cursor is not None and position.side == "before":
        found, valued = read_previous_page(tasks, sort, cursor, limit + 1, apart)
        if len(found) > limit:
            # The row too many is the first, and has a value if any has.
            rows, valued = found[1:], max(0, valued - 1)
            return _page(rows, sort, max(2, cursor.page), valued, has_more=(True, True))
        cursor = None  # the page would begin before the first row
    found, valued = read_page(tasks, sort, cursor, 0, limit + 1, apart=apart)
    has_more = (cursor is not None, len(found) > limit)
    number = 1 if cursor is None else cursor.page
    return _page(found[:limit], sort, number, valued, has_more=has_more)


def _page(
    rows: Sequence[Any], sort: Sort, number: int, valued: int, *, has_more: tuple[bool, bool]
) -> TaskPage:
    previous = following = None
    if rows and has_more[0]:
        previous = Cursor.at(rows[0], sort, max(1, number - 1), has_value=valued > 0).encode()
    if rows and has_more[1]:
        has_value = valued >= len(rows)
        following = Cursor.at(rows[-1], sort, number + 1, has_value=has_value).encode()
    return TaskPage(rows, {}, number, previous, following)


def read_rows(workspaces: Sequence[UUID] | None, ids: Sequence[UUID]) -> TaskPage:
    """These tasks as they are now, as rows of a page."""
    if not ids:
        return TaskPage((), {}, 1, None, None)
    tasks = list_tasks_of(workspaces, TaskFilter(ids=tuple(ids))).defer("payload", "result")
    rows, _ = read_page(tasks, Sort.of("-createdAt", "id"), None, 0, len(ids))
    return TaskPage(rows, _read_results(rows), 1, None, None)


def count_newer(tasks: QuerySet[Task], anchor: UUID, most: int) -> int:
    """How many of these tasks are newer than one of them, counted up to `most`. Raises Invalid when
    that takes too long."""
    with in_bounded_time(_NEWER_SECONDS):
        return tasks.filter(id__gt=anchor).order_by("-id")[:most].count()


def count_unknown(
    tasks: QuerySet[Task], sort: Sort, end: Cursor | None, known: Collection[UUID], most: int
) -> int:
    """How many of these tasks are not known and come before the row of a cursor, or anywhere
    without one, counted up to `most`. Raises Invalid when that takes too long."""
    columns = ["id"] if sort.by.expression is not None else ["id", sort.column]
    rows, limit = tasks.defer(None).only(*columns), len(known) + most
    with in_bounded_time(_UNKNOWN_SECONDS):
        if end is None:
            found, _ = read_behind(rows, sort, None, 0, limit)
        else:
            found, _ = read_before(rows, sort, end, limit)
    return min(most, sum(row.id not in known for row in found))


def has_any_task(workspaces: Sequence[UUID]) -> bool:
    return Task.objects.filter(workspace_id__in=workspaces).exists()


def list_queue_names(workspaces: Sequence[UUID]) -> list[str]:
    """The names of their queues, the first hundreds."""
    names = Queue.objects.filter(workspace_id__in=workspaces).order_by("name")
    return list(names.values_list("name", flat=True).distinct()[:_MAX_QUEUES])


def _read_results(rows: Sequence[Any]) -> dict[UUID, Any]:
    """The results that are short enough for a line."""
    ids = [row.id for row in rows if row.state == TaskState.COMPLETED]
    if not ids:
        return {}
    size = Func(F("result"), function="pg_column_size", output_field=IntegerField())
    small = Task.objects.alias(size=size).filter(id__in=ids, size__lte=_SMALL_RESULT_BYTES)
    return dict(small.values_list("id", "result"))


def count_matching(
    workspaces: Sequence[UUID], tasks: QuerySet[Task], wanted: TaskFilter
) -> Figures:
    """How many tasks match, exact while that is cheap. `tasks` are those that match."""
    by_state = _count_states(workspaces, wanted)
    if by_state is not None:
        chosen = wanted.statuses or by_state
        return Figures(sum(by_state[state] for state in chosen), False, by_state)
    total = TaskTotal(workspaces, wanted)()
    if total is not None:
        return Figures(total, False, None)
    if not wanted.statuses:  # they are too many, or too slow to count: that was just tried
        return Figures(estimate_count(tasks), True, None)
    try:
        with in_bounded_time(_COUNT_SECONDS):
            return Figures(*count_or_estimate(tasks), None)
    except Invalid:
        return Figures(estimate_count(tasks), True, None)


def _count_states(workspaces: Sequence[UUID], wanted: TaskFilter) -> dict[str, int] | None:
    """Matching tasks by state: from the counts, or from up to EXACT_TOTAL rows."""
    in_any_state = replace(wanted, statuses=())
    if in_any_state.is_by_queue:
        kept = count_kept_states(workspaces, in_any_state)
        if kept is not None:
            return {state: kept[state] for state in TaskState.values}
    tasks = list_tasks_of(workspaces, in_any_state).order_by()
    if in_any_state.is_by_one_tag and _has_many(workspaces, in_any_state, tasks):
        return None
    states = tasks.values_list("state")
    try:
        sql, parameters = states[: EXACT_TOTAL + 1].query.sql_with_params()
        with in_bounded_time(_COUNT_SECONDS), connection.cursor() as cursor:
            cursor.execute(load_sql("tasks_app", "count_states").format(few=sql), parameters)
            found: dict[str, int] = dict(cursor.fetchall())
    except EmptyResultSet:
        found = {}  # such as a queue that does not exist
    except Invalid:
        return None
    if sum(found.values()) > EXACT_TOTAL:
        return None
    return {state: found.get(state, 0) for state in TaskState.values}


def _has_many(workspaces: Sequence[UUID], wanted: TaskFilter, tasks: QuerySet[Task]) -> bool:
    """Whether more tasks have the tag than are counted, by the index of tags alone."""
    tagged = TaskTotal(workspaces, wanted).narrow(tasks)
    return bool(tagged.order_by()[: EXACT_TOTAL + 1].count() > EXACT_TOTAL)
