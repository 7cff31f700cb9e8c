"""Pages of the list of tasks, by statements that are quick to compose."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from controlplane.core.cursors import Cursor, Sort, read_before, read_behind
from controlplane.core.sql import load_sql, prepared_cursor
from tasks_app.filters import TaskFilter
from tasks_app.models import Queue, Task
from tasks_app.queries.counts import count_tasks
from tasks_app.queries.lists import MAX_PARENTS_SHOWN, describe_tasks, hidden_types
from tasks_app.queries.taskrows import read_task_rows

_MAX_CHANGES = 20_000  # about a second of a busy fleet; counting rows is quicker than reading more


def read_page(
    tasks: QuerySet[Task], sort: Sort, cursor: Cursor | None, offset: int, count: int
) -> tuple[list[Any], int]:
    """As read_behind, with described tasks.

    One statement reads the rows and their descriptions, unless the order needs several. The ORM
    composes only the condition: with all columns it takes longer than Postgres to answer.
    """
    if sort.by.parts or sort.by.expression is not None:
        found, valued = read_behind(tasks, sort, cursor, offset, count)
        return list(describe_tasks(found)), valued
    if cursor is not None:
        tasks = tasks.filter(cursor.condition(sort))
    deferred, _ = tasks.query.deferred_loading
    ids = tasks.defer(None).order_by(*sort.order_by).values_list("id")[offset : offset + count]
    try:
        page, parameters = _named(*ids.query.sql_with_params())
    except EmptyResultSet:  # such as a queue that does not exist
        return [], 0
    statement = load_sql("tasks_app", "show_page").format(
        page=page, columns=_columns(frozenset(deferred)), order=_order(sort)
    )
    with connection.cursor() as cursor_:
        rows = read_task_rows(cursor_, statement, {**parameters, "most": MAX_PARENTS_SHOWN})
    return rows, len(rows)


def read_previous_page(
    tasks: QuerySet[Task], sort: Sort, cursor: Cursor, count: int
) -> tuple[list[Any], int]:
    """As read_before, with described tasks."""
    if sort.by.parts or sort.by.expression is not None:
        found, valued = read_before(tasks, sort, cursor, count)
        return list(describe_tasks(found)), valued
    rows, valued = read_page(tasks, sort.reversed, cursor, 0, count)
    return rows[::-1], valued


def count_existing(workspace_id: UUID, wanted: TaskFilter) -> int | None:
    """The exact number of matching tasks, at a cost that does not depend on it. None: the filter
    has conditions that nothing counts, or too many changes have to be added up."""
    return count_existing_of([workspace_id], wanted)


def count_existing_of(workspaces: Sequence[UUID], wanted: TaskFilter) -> int | None:
    """As `count_existing`, for several workspaces."""
    if wanted.is_by_state:
        by_state = count_kept_states(workspaces, wanted)
        return None if by_state is None else sum(by_state[state] for state in wanted.statuses)
    if not wanted.is_by_kind:
        return None
    with connection.wrap_database_errors, prepared_cursor("default") as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_existing"),
            {
                "workspaces": list(workspaces),
                "hidden": hidden_types(wanted),
                "types": list(wanted.types),
                "queues": list(wanted.queues),
                "states": list(wanted.statuses),
                "changes": _MAX_CHANGES,
            },
        )
        (found,) = cursor.fetchone() or (None,)
    return found  # type: ignore[no-any-return] # a bigint


def count_kept_states(workspaces: Sequence[UUID], wanted: TaskFilter) -> Counter[str] | None:
    """The tasks in these queues by state, from the counts; whatever states the filter names. None
    if the counts are an estimate."""
    counts = count_tasks(*workspaces, with_internal=wanted.is_internal)
    if counts.is_estimate:
        return None
    lanes = Queue.objects.filter(workspace_id__in=workspaces, name__in=wanted.queues)
    chosen = set(lanes.values_list("id", flat=True)) if wanted.queues else counts.by_state.keys()
    found: Counter[str] = Counter()
    for queue, states in counts.by_state.items():
        if queue in chosen:
            found.update(states)
    return found


def _named(sql: str, parameters: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """The statement with names in place of positions, to be a part of another one."""
    named = {f"p{number}": value for number, value in enumerate(parameters)}
    return sql.replace("%%", "%%%%") % tuple(f"%({name})s" for name in named), named


@lru_cache(maxsize=64)
def _columns(deferred: frozenset[str]) -> str:
    columns = [f.column for f in Task._meta.concrete_fields if f.name not in deferred]
    return ", ".join(f"t.{column}" for column in columns)


def _order(sort: Sort) -> str:
    direction = "DESC" if sort.is_descending else "ASC"
    return ", ".join(f"t.{name.removeprefix('-')} {direction}" for name in sort.order_by)
