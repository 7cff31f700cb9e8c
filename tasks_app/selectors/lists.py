"""Lists of tasks: narrowed by a filter, read in one bounded time, told with their neighbours."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import psycopg
from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast, Coalesce, Length

from controlplane.core.errors import Invalid
from controlplane.core.sql import load_sql
from tasks_app.filters import TaskFilter
from tasks_app.models import Queue, Task

SCAN_SECONDS = 5.0
MOST_PARENTS_SHOWN = 100
_CHUNK = 500
# Of payloads and results: 500 of the largest would be 250 MB.
_CHUNK_BYTES = 4_000_000
# An id is made a little after its row's created_at: a bulk of ten thousand takes a second or two.
_ID_SLACK = timedelta(minutes=1)


def list_tasks(workspace_id: UUID, wanted: TaskFilter) -> QuerySet[Task]:
    """Tasks of a workspace."""
    tasks = Task.objects.filter(workspace_id=workspace_id).filter(_condition(workspace_id, wanted))
    if wanted.tags:
        # The index of tags leaves out rows without any; said again here so that it can be used.
        tasks = tasks.filter(tags__overlap=list(wanted.tags)).exclude(tags=[])
    return tasks


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
                    "most": MOST_PARENTS_SHOWN,
                },
            )
            found = {task: (queue, node, above) for task, queue, node, above in cursor.fetchall()}
    for task in tasks:
        task.queue_name, task.worker_node, task.parents = found[task.id]  # type: ignore[attr-defined] # for serializers
    return tasks


def iterate_tasks(workspace_id: UUID, wanted: TaskFilter) -> Iterator[list[Task]]:
    """All matching tasks, newest first, in described chunks of bounded size.

    Each chunk is read by queries of its own: the memory is that of one chunk, and no transaction
    stays open while a slow client reads (it would pin vacuum for every queue, and Postgres would
    end it). Tasks deleted before their chunk is read are left out.
    """
    tasks = list_tasks(workspace_id, wanted).order_by("-id")
    # Sizes of the texts: what is stored is compressed.
    text = {name: Length(Cast(name, TextField())) for name in ("payload", "result")}
    size = text["payload"] + Coalesce(text["result"], 0)
    sized = tasks.annotate(size=size).values_list("id", "size")
    found = list(sized[:_CHUNK])
    while found:
        for ids in _portions(found):
            rows = Task.objects.filter(workspace_id=workspace_id, id__in=ids).order_by("-id")
            yield list(describe_tasks(list(rows)))
        if len(found) < _CHUNK:
            return
        found = list(sized.filter(id__lt=found[-1][0])[:_CHUNK])


def _portions(found: Sequence[tuple[UUID, int]]) -> Iterator[list[UUID]]:
    """The ids in lists of about _CHUNK_BYTES at most; a larger task is alone."""
    ids: list[UUID] = []
    total = 0
    for task_id, size in found:
        if ids and total + size > _CHUNK_BYTES:
            yield ids
            ids, total = [], 0
        ids.append(task_id)
        total += size
    yield ids


def iterate_ids(
    workspace_id: UUID, wanted: TaskFilter, *, states: Sequence[str], most: int
) -> Iterator[list[UUID]]:
    """The ids of matching tasks in these states, oldest first, in chunks, at most `most`."""
    tasks = list_tasks(workspace_id, wanted).filter(state__in=states).order_by("id")
    last: UUID | None = None
    while most > 0:
        rest = tasks if last is None else tasks.filter(id__gt=last)
        chunk = list(rest.values_list("id", flat=True)[: min(_CHUNK, most)])
        if not chunk:
            return
        last, most = chunk[-1], most - len(chunk)
        yield chunk


def estimate_count(tasks: QuerySet[Task]) -> int:
    """The planner's guess of how many there are."""
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
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise Invalid(
                f"This search takes more than {seconds:g} s, since no index serves it. Narrow it "
                f"by {narrow_by}, or by status."
            ) from error
        raise


def first_id_of(at: datetime) -> UUID:
    """The lowest UUIDv7 of a millisecond (RFC 9562, section 5.7): ids are in order of time."""
    return UUID(int=max(0, min(int(at.timestamp() * 1000), 2**48 - 1)) << 80)


def _condition(workspace_id: UUID, wanted: TaskFilter) -> Q:
    condition = Q()
    for column, values in (
        ("id", wanted.ids),
        ("state", wanted.statuses),
        ("type", wanted.types),
        ("workflow_run_id", wanted.workflow_run_ids),
    ):
        if len(values) == 1:
            condition &= Q(**{column: values[0]})
        elif values:
            condition &= Q(**{f"{column}__in": values})
    if wanted.queues:
        lanes = Queue.objects.filter(workspace_id=workspace_id, name__in=wanted.queues)
        condition &= Q(queue_id__in=list(lanes.values_list("id", flat=True)))
    if wanted.min_priority is not None:
        condition &= Q(priority__gte=wanted.min_priority)
    for alternatives in wanted.payload:
        any_of = Q()
        for contained in alternatives:
            any_of |= Q(payload__contains=contained)
        condition &= any_of
    return condition & _between(wanted) & _search(wanted.search)


def _between(wanted: TaskFilter) -> Q:
    """The exact times, and what they mean for ids, which the index of lists can serve."""
    condition = Q()
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


def _search(text: str) -> Q:
    if not text:
        return Q()
    found = Q(name__icontains=text) | Q(type__icontains=text) | Q(idempotency_key=text)
    try:
        return found | Q(id=UUID(text))
    except ValueError:
        return found
