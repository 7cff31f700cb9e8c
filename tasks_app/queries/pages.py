"""Pages of the list of tasks, by statements that are quick to compose."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from controlplane.core.cursors import Cursor, Sort, read_before, read_behind
from controlplane.core.sql import load_sql, prepared_cursor
from tasks_app.filters import TaskFilter
from tasks_app.models import Queue, Task, TaskTag
from tasks_app.queries.counts import MAX_CHANGES, count_tasks
from tasks_app.queries.lists import (
    EACH_WORKSPACE,
    MAX_PARENTS_SHOWN,
    describe_tasks,
    hidden_types,
    list_tasks_of,
)
from tasks_app.queries.taskrows import read_task_rows

_PAGE_APART = (  # in one line: the comment of show_page.sql has its place too
    "SELECT t.id FROM unnest(%(apart)s::uuid[]) AS one (id) CROSS JOIN LATERAL ({page}) t"
    " ORDER BY {order} LIMIT {count:d} OFFSET {offset:d}"
)


@dataclass(frozen=True, slots=True)
class TaskTotal:
    """Finds the exact number of tasks that match a filter, at a cost that does not depend on it."""

    workspaces: Sequence[UUID]
    wanted: TaskFilter

    def __call__(self) -> int | None:
        """The number. None: the filter has conditions that nothing counts, or too many changes have
        to be added up."""
        if self.wanted.is_by_state:
            by_state = count_kept_states(self.workspaces, self.wanted)
            if by_state is None:
                return None
            return sum(by_state[state] for state in self.wanted.statuses)
        parameters = self.parameters
        if parameters is None:
            return None
        with connection.wrap_database_errors, prepared_cursor("default") as cursor:
            cursor.execute(load_sql("tasks_app", "count_existing"), parameters)
            (found,) = cursor.fetchone() or (None,)
        return found  # type: ignore[no-any-return] # a bigint

    @property
    def parameters(self) -> dict[str, Any] | None:
        """Those of count_existing.sql, if it serves the filter."""
        wanted = self.wanted
        if not wanted.is_by_kind:
            return None
        return {
            "workspaces": list(self.workspaces),
            "hidden": hidden_types(wanted),
            "types": list(wanted.types),
            "queues": list(wanted.queues),
            "states": list(wanted.statuses),
            "changes": MAX_CHANGES,
        }

    def narrow(self, tasks: QuerySet[Task]) -> QuerySet[Any]:
        """Rows as many as these tasks, which are those of the filter, and quicker to count."""
        wanted = self.wanted
        if not wanted.is_by_one_tag:
            return tasks
        tagged = TaskTag.objects.filter(workspace_id__in=self.workspaces, tag=wanted.tags[0])
        return tagged.exclude(type__in=hidden_types(wanted)).values("task_id")


def read_page(
    tasks: QuerySet[Task],
    sort: Sort,
    cursor: Cursor | None,
    offset: int,
    count: int,
    total: TaskTotal | None = None,
    apart: Sequence[UUID] = (),
) -> tuple[list[Any], int]:
    """As read_behind, with described tasks; `total` is for the filter of these. Rows that one
    statement has read have it as `total`, if that is not None. `apart`: the workspaces of the
    tasks, to be searched each for a page of its own, because the index that serves the filter has
    the order of one workspace; only for the order of ids.

    One statement reads the rows and their descriptions, unless the order needs several. The ORM
    composes only the condition: with all columns it takes longer than Postgres to answer. With
    `apart`, tasks may be those of EACH_WORKSPACE.
    """
    if sort.by.parts or sort.by.expression is not None:
        found, valued = read_behind(tasks, sort, cursor, offset, count)
        return list(describe_tasks(found)), valued
    if cursor is not None:
        tasks = tasks.filter(cursor.condition(sort))
    deferred, _ = tasks.query.deferred_loading
    try:
        if total is not None and total.wanted.is_kept and cursor is None and not apart:
            hidden = tuple(hidden_types(total.wanted))
            page, parameters = _compose_once(
                tuple(total.workspaces), total.wanted, hidden, sort, offset, count
            )
        else:
            page, parameters = _compose(tasks, sort, offset, count, apart)
    except EmptyResultSet:  # such as a queue that does not exist
        return [], 0
    counted = total.parameters if total else None
    is_bounded = total is not None and counted is not None and not total.wanted.is_empty
    statement = load_sql("tasks_app", "show_page").format(
        page=page,
        columns=_columns(frozenset(deferred)),
        order=_order(sort),
        total="SELECT NULL" if counted is None else load_sql("tasks_app", "count_existing"),
        bound=f"tasks - least(tasks, {offset:d})" if is_bounded else "NULL::bigint",
    )
    parameters = {**parameters, **(counted or {}), "most": MAX_PARENTS_SHOWN}
    with connection.cursor() as cursor_:
        rows = read_task_rows(cursor_, statement, parameters)
    return rows, len(rows)


def read_previous_page(
    tasks: QuerySet[Task], sort: Sort, cursor: Cursor, count: int, apart: Sequence[UUID] = ()
) -> tuple[list[Any], int]:
    """As read_before, with described tasks."""
    if sort.by.parts or sort.by.expression is not None:
        found, valued = read_before(tasks, sort, cursor, count)
        return list(describe_tasks(found)), valued
    rows, valued = read_page(tasks, sort.reversed, cursor, 0, count, apart=apart)
    return rows[::-1], valued


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


@lru_cache(maxsize=64)  # composing it takes another sixth
def _compose_once(
    workspaces: tuple[UUID, ...],
    wanted: TaskFilter,
    hidden: tuple[str, ...],  # what the filter leaves out depends on the types that are declared
    sort: Sort,
    offset: int,
    count: int,
) -> tuple[str, dict[str, Any]]:
    return _compose(list_tasks_of(workspaces, wanted), sort, offset, count, ())


def _compose(
    tasks: QuerySet[Task], sort: Sort, offset: int, count: int, apart: Sequence[UUID]
) -> tuple[str, dict[str, Any]]:
    """The statement that selects the ids of a page. Raises EmptyResultSet."""
    ids = tasks.defer(None).order_by(*sort.order_by).values_list("id")
    if not apart or sort.column != "id":
        return _named(*ids[offset : offset + count].query.sql_with_params())
    each = ids.filter(workspace_id=EACH_WORKSPACE)[: offset + count]
    page, parameters = _named(*each.query.sql_with_params())
    page = _PAGE_APART.format(page=page, order=_order(sort), offset=offset, count=count)
    return page, parameters | {"apart": list(apart)}


def _named(sql: str, parameters: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """The statement with names in place of positions, to be a part of another one."""
    named = {f"p{number}": value for number, value in enumerate(parameters)}
    places = (
        "one.id" if value == EACH_WORKSPACE else f"%({name})s" for name, value in named.items()
    )
    return sql.replace("%%", "%%%%") % tuple(places), named


@lru_cache(maxsize=64)
def _columns(deferred: frozenset[str]) -> str:
    columns = [f.column for f in Task._meta.concrete_fields if f.name not in deferred]
    return ", ".join(f"t.{column}" for column in columns)


def _order(sort: Sort) -> str:
    direction = "DESC" if sort.is_descending else "ASC"
    return ", ".join(f"t.{name.removeprefix('-')} {direction}" for name in sort.order_by)
