"""Lists of tasks: narrowed by a filter, read in bounded time, with queue, node and parents."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import connection
from django.db.models import DurationField, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, In, LessThanOrEqual

from controlplane.core.bounded import bounded_time
from controlplane.core.cursors import SortColumn
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.ids import first_id_of
from controlplane.core.sql import load_sql
from tasks_app.filters import ME, TaskFilter
from tasks_app.models import (
    BY_PERSON,
    DURATION,
    ERROR_CLASS,
    ERROR_CLASS_LENGTH,
    HAS_DURATION,
    INDEXED_DURATION,
    LONG,
    SHORT,
    Queue,
    Task,
    TaskAttempt,
    TaskTag,
)
from tasks_app.processors.registry import internal_types
from tasks_app.states import TaskState
from workers.queries import find_nodes

SCAN_SECONDS = 5.0
# In a statement that is run for each of several workspaces, this stands for the workspace.
EACH_WORKSPACE = uuid4()
MAX_PARENTS_SHOWN = 100
_CHUNK = 500
SORT_FIELDS: dict[str, str | SortColumn] = {
    "createdAt": "id",
    "priority": "priority",
    "name": "name",
    "type": "type",
    "finishedAt": SortColumn("finished_at", parts=(Q(finished_at__isnull=False),)),
    "durationMs": SortColumn(
        "duration",
        parts=(SHORT, LONG),
        expression=DURATION,
        field=DurationField(),
    ),
}
_MANY_TASKS = 20_000  # of a node: fewer are found by the index of attempts
# An id is made a little after its row's created_at: a bulk of ten thousand takes a second or two.
_ID_SLACK = timedelta(minutes=1)


def list_tasks(workspace_id: UUID, wanted: TaskFilter) -> QuerySet[Task]:
    """Tasks of a workspace."""
    return list_tasks_of([workspace_id], wanted)


def list_tasks_of(workspaces: Sequence[UUID] | None, wanted: TaskFilter) -> QuerySet[Task]:
    """Tasks of several workspaces; None means all."""
    hidden = tuple(hidden_types(wanted))
    if workspaces is None or not wanted.is_kept:
        return _compose(workspaces, wanted, hidden)
    return _compose_once(tuple(workspaces), wanted, hidden).all()


@lru_cache(maxsize=64)  # composing it takes a sixth of a request for a list
def _compose_once(
    workspaces: tuple[UUID, ...], wanted: TaskFilter, hidden: tuple[str, ...]
) -> QuerySet[Task]:
    return _compose(workspaces, wanted, hidden)


def _compose(
    workspaces: Sequence[UUID] | None, wanted: TaskFilter, hidden: Sequence[str]
) -> QuerySet[Task]:
    """The tasks that match; `hidden` are the types that the filter leaves out."""
    tasks = Task.objects.filter(_within(workspaces))
    if wanted.error_classes:
        tasks = tasks.alias(error_class=ERROR_CLASS)
    return tasks.filter(_condition(workspaces, wanted, hidden))


def list_newest_ids(workspace_id: UUID, count: int) -> list[UUID]:
    """The newest tasks of a workspace, newest first, without those of internal types."""
    tasks = Task.objects.filter(workspace_id=workspace_id).exclude(type__in=internal_types())
    return list(tasks.order_by("-id").values_list("id", flat=True)[:count])


def describe_tasks(tasks: Sequence[Task]) -> Sequence[Task]:
    """Give each task its `queue_name`, its `worker_node` (the name of the node that runs it or ran
    its last attempt, or None) and its `parents` (the first hundred ids). One query for all."""
    found: dict[UUID, tuple[str, str | None, list[UUID]]] = {}
    if tasks:
        with connection.cursor() as cursor:
            cursor.execute(
                load_sql("tasks_app", "describe_tasks"),
                {
                    "ids": [task.id for task in tasks],
                    "attempts": [task.attempt for task in tasks],
                    "nodes": [task.node_id for task in tasks],
                    "queues": [task.queue_id for task in tasks],
                    "most": MAX_PARENTS_SHOWN,
                },
            )
            found = {task: (queue, node, above) for task, queue, node, above in cursor.fetchall()}
    for task in tasks:
        task.queue_name, task.worker_node, task.parents = found[task.id]  # type: ignore[attr-defined] # for represent
    return tasks


def iterate_ids(
    workspace_id: UUID,
    wanted: TaskFilter,
    *,
    states: Sequence[str],
    most: int,
    until: UUID | None = None,
) -> Iterator[list[UUID]]:
    """The ids of matching tasks in these states, oldest first, in chunks, at most `most`; none
    after `until`."""
    tasks = list_tasks(workspace_id, wanted).filter(state__in=states).order_by("id")
    if until is not None:
        tasks = tasks.filter(id__lte=until)
    last: UUID | None = None
    while most > 0:
        rest = tasks if last is None else tasks.filter(id__gt=last)
        chunk = list(rest.values_list("id", flat=True)[: min(_CHUNK, most)])
        if not chunk:
            return
        last, most = chunk[-1], most - len(chunk)
        yield chunk


def hidden_types(wanted: TaskFilter) -> list[str]:
    """The internal types that the filter leaves out: all, unless an id or a type names a task."""
    if wanted.is_internal or wanted.ids:
        return []
    return [name for name in internal_types() if name not in wanted.types]


def estimate_count(tasks: QuerySet[Task]) -> int:
    """The planner's estimate of their number."""
    plan = orjson.loads(tasks.order_by().explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


@contextmanager
def in_bounded_time(
    seconds: float = SCAN_SECONDS, *, narrow_by: str = "createdAfter and createdBefore"
) -> Iterator[None]:
    """End queries that take longer, in a transaction of their own. `narrow_by` names the filters
    of time that the advice is about.

    Raises Invalid with advice instead of keeping a client and a connection waiting.
    """
    with bounded_time(seconds, f"Narrow it by {narrow_by}, or by status."):
        yield


def _within(workspaces: Sequence[UUID] | None) -> Q:
    if workspaces is None:
        return Q()
    # An index gives the order of one workspace.
    return Q(workspace_id=workspaces[0]) if len(workspaces) == 1 else Q(workspace_id__in=workspaces)


def _condition(workspaces: Sequence[UUID] | None, wanted: TaskFilter, hidden: Sequence[str]) -> Q:
    condition = _one_of(wanted)
    if hidden:
        condition &= ~Q(type__in=hidden)
    if wanted.queues:
        lanes = Queue.objects.filter(_within(workspaces), name__in=wanted.queues)
        condition &= Q(queue_id__in=list(lanes.values_list("id", flat=True)))
    if wanted.tags:
        tagged = TaskTag.objects.filter(_within(workspaces), _is_one_of("tag", wanted.tags))
        condition &= Q(id__in=tagged.values("task_id"))
    if wanted.workers:
        condition &= _worked_on_by({n.id: n.processed for n in find_nodes(wanted.workers)})
    if wanted.min_priority is not None:
        condition &= Q(priority__gte=wanted.min_priority)
    for alternatives in wanted.payload:
        any_of = Q()
        for contained in alternatives:
            any_of |= Q(payload__contains=contained)
        condition &= any_of
    return condition & _between(wanted) & _by_duration(wanted) & _search(wanted.search)


def _one_of(wanted: TaskFilter) -> Q:
    condition = Q()
    for column, values in (
        ("id", wanted.ids),
        ("state", wanted.statuses),
        ("type", wanted.types),
        ("workflow_run_id", wanted.workflow_run_ids),
        ("step_key", wanted.step_keys),
        ("error__class", wanted.error_classes),
    ):
        if values:
            condition &= _is_one_of(column, values)
    if wanted.step_keys:
        # What an index has: the tasks of runs.
        condition &= Q(workflow_run_id__isnull=False)
    if wanted.error_classes:
        # The index has the beginning of a class.
        beginnings = [name[:ERROR_CLASS_LENGTH] for name in wanted.error_classes]
        condition &= Q(error__isnull=False, error_class__in=beginnings)
    return condition & _submitted_by(wanted.submitters)


def _submitted_by(submitters: Sequence[str]) -> Q:
    """Raises Invalid for `me` where nobody knows who that is."""
    if not submitters:
        return Q()
    if ME in submitters:
        message = "Nobody is `me` here: give the whole name, such as user:ada."
        raise Invalid(errors=[FieldError(field="submittedBy", message=message)])
    # What an index has: its condition is repeated, so that it can be used.
    are_people = all(each.startswith("user:") for each in submitters)
    return _is_one_of("submitted_by", submitters) & (BY_PERSON if are_people else Q())


def _is_one_of(column: str, values: Sequence[Any]) -> Q:
    return Q(**{column: values[0]}) if len(values) == 1 else Q(**{f"{column}__in": values})


def _between(wanted: TaskFilter) -> Q:
    """The exact times; times of creation also become ranges of ids, which the index of lists
    serves."""
    condition = Q()
    if wanted.started_after is not None:
        condition &= Q(started_at__gt=wanted.started_after)
    if wanted.started_before is not None:
        # Nothing starts, or ends, before it is created.
        condition &= Q(
            started_at__lt=wanted.started_before,
            id__lt=first_id_of(wanted.started_before + _ID_SLACK),
        )
    if wanted.finished_after is not None:
        condition &= Q(finished_at__gt=wanted.finished_after)
    if wanted.finished_before is not None:
        condition &= Q(
            finished_at__lt=wanted.finished_before,
            id__lt=first_id_of(wanted.finished_before + _ID_SLACK),
        )
    if wanted.created_after is not None:
        condition &= Q(
            created_at__gt=wanted.created_after,
            id__gte=first_id_of(wanted.created_after - _ID_SLACK),
        )
    if wanted.created_before is not None:
        condition &= Q(
            created_at__lt=wanted.created_before,
            id__lt=first_id_of(wanted.created_before + _ID_SLACK),
        )
    return condition


def _by_duration(wanted: TaskFilter) -> Q:
    """The duration of the last attempt, as the sort `durationMs` has it."""
    least, most = wanted.min_duration_ms, wanted.max_duration_ms
    if least is None and most is None:
        return Q()
    condition = HAS_DURATION
    if least is not None:
        shortest = timedelta(milliseconds=least)
        # An index has the long ones: its condition is repeated, so that it can be used.
        condition = LONG if shortest >= INDEXED_DURATION else condition
        condition &= Q(GreaterThanOrEqual(DURATION, _duration(shortest)))
    if most is not None:
        longest = timedelta(milliseconds=most)
        condition &= Q(LessThanOrEqual(DURATION, _duration(longest)))
    return condition


def _duration(length: timedelta) -> Value:
    return Value(length, output_field=DurationField())


def _worked_on_by(processed: Mapping[int, int]) -> Q:
    """Tasks that one of these nodes runs, or ran the last attempt of; with how many tasks each of
    them has ended."""
    ids = list(processed)
    if sum(processed.values()) > _MANY_TASKS:
        # Such tasks are frequent: looking at each task of the list soon finds a page of them.
        last = TaskAttempt.objects.filter(task_id=OuterRef("id"), attempt=OuterRef("attempt"))
        return Q(In(Coalesce(F("node_id"), Subquery(last.values("node_id"))), ids))
    running = Task.objects.filter(state=TaskState.RUNNING, node_id__in=ids).order_by()
    ended = TaskAttempt.objects.filter(node_id__in=ids, attempt=F("task__attempt")).order_by()
    return Q(id__in=running.values("id").union(ended.values("task_id"), all=True))


def _search(text: str) -> Q:
    if not text:
        return Q()
    found = Q(name__icontains=text) | Q(type__icontains=text) | Q(idempotency_key=text)
    try:
        return found | Q(id=UUID(text))
    except ValueError:
        return found
