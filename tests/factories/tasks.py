"""Tasks and what belongs to them, and nodes, in any state that the constraints allow.

A factory makes a row as it is; a trait fills in what a state demands. The functions below them add
what a row needs around it: counts, queues, dependencies.
"""

import base64
import os
from collections.abc import Iterable, Sequence
from copy import copy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import factory
import orjson
from django.db import connection
from factory.django import DjangoModelFactory

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.workspaces.models import Workspace
from tasks_app.models import (
    DeclaredSet,
    Queue,
    Rollup,
    Task,
    TaskAttempt,
    TaskDependency,
    TaskLog,
    TypeDeclaration,
)
from tasks_app.rows import note_counts
from tasks_app.states import FINAL, TaskState
from tests.clients import default_workspace
from workers.models import Node, NodeSample


class NodeFactory(DjangoModelFactory[Node]):
    """An active worker node that serves all queues."""

    class Meta:
        model = Node

    name = "node-a"
    host = "somewhere"
    pid = 1
    version = "0"
    queues = factory.LazyFunction(lambda: ["*"])
    concurrency = 2
    state = "ACTIVE"


class SampleFactory(DjangoModelFactory[NodeSample]):
    """A minute's figures of a node."""

    class Meta:
        model = NodeSample

    at = factory.LazyFunction(now)
    cpu_percent = 12.5
    memory_bytes = 1 << 28
    running = 1
    processed = 3
    failed = 0


class TaskFactory(DjangoModelFactory[Task]):
    """A task that waits in the queue `default`."""

    class Meta:
        model = Task

    class Params:
        claimed = factory.Trait(attempt=1, started_at=factory.LazyFunction(now))
        running = factory.Trait(claimed=True, lease=factory.LazyFunction(uuid4), node_id=1)
        ended = factory.Trait(claimed=True, finished_at=factory.LazyFunction(now))
        later = factory.Trait(run_at=factory.LazyFunction(lambda: now() + timedelta(hours=1)))
        retrying = factory.Trait(claimed=True, later=True)
        blocked = factory.Trait(blocked_by=1)

    id = factory.LazyFunction(uuid7)
    workspace = factory.LazyFunction(default_workspace)
    queue = factory.LazyAttribute(lambda task: make_queue(workspace=task.workspace))
    type = "noop"
    name = "noop"
    state = TaskState.PENDING
    max_attempts = 3
    round_attempts = 3
    timeout_ms = 60_000


class AttemptFactory(DjangoModelFactory[TaskAttempt]):
    """An attempt of a task that ended just now, after ten milliseconds."""

    class Meta:
        model = TaskAttempt

    class Params:
        at = factory.LazyFunction(now)

    attempt = 1
    workspace_id = factory.SelfAttribute("task.workspace_id")
    queue_id = factory.SelfAttribute("task.queue_id")
    type = factory.SelfAttribute("task.type")
    node_id = 1
    outcome = "SUCCEEDED"
    wait_ms = 5
    started_at = factory.LazyAttribute(lambda attempt: attempt.at - timedelta(milliseconds=10))
    finished_at = factory.SelfAttribute("at")


class LogFactory(DjangoModelFactory[TaskLog]):
    """A line that a handler logged."""

    class Meta:
        model = TaskLog

    attempt = 1
    at = factory.LazyFunction(now)
    level = "info"


_TRAITS = {
    **dict.fromkeys(FINAL, "ended"),
    TaskState.BLOCKED: "blocked",
    TaskState.RETRYING: "retrying",
    TaskState.RUNNING: "running",
    TaskState.SCHEDULED: "later",
}


def make_queue(name: str = "default", workspace: Workspace | None = None, **fields: Any) -> Queue:
    """The workspace's queue of this name, with these fields."""
    workspace = workspace or default_workspace()
    queue, is_new = Queue.objects.get_or_create(workspace=workspace, name=name, defaults=fields)
    if fields and not is_new:
        for field, value in fields.items():
            setattr(queue, field, value)
        queue.save(update_fields=list(fields))
    return queue


def make_node(name: str = "node-a", **fields: Any) -> Node:
    """An active worker node that serves all queues."""
    return NodeFactory.create(name=name, **fields)


def make_declaration(
    name: str = "declared", nodes: Sequence[Node] = (), **content: Any
) -> TypeDeclaration:
    """A task type that these nodes declare, and nothing else."""
    content = {"queue": "default", "maxAttempts": 3, "timeoutSeconds": 60, **content}
    digest = uuid4().hex
    declared = TypeDeclaration.objects.create(type=name, digest=digest, content=content)
    DeclaredSet.objects.create(digest=digest, members=[declared.pk])
    Node.objects.filter(id__in=[node.id for node in nodes]).update(declares=digest)
    return declared


def make_sample(node: Node, *, ago: timedelta = timedelta(0), **fields: Any) -> NodeSample:
    """The figures of a node, `ago` before now."""
    return SampleFactory.create(**{"node": node, "at": now() - ago, **fields})


def make_task(
    state: str = TaskState.PENDING,
    *,
    workspace: Workspace | None = None,
    queue: str = "default",
    parents: list[Task] | None = None,
    **fields: Any,
) -> Task:
    """A task in this state with what the state demands, its queue, its count and its edges."""
    workspace = workspace or default_workspace()
    if state in _TRAITS:
        fields = {_TRAITS[TaskState(state)]: True, **fields}
    if parents:
        open_parents = [parent for parent in parents if parent.state not in FINAL]
        fields = {"blocked_by": len(open_parents), **fields}
    lane = make_queue(queue, workspace)
    task = TaskFactory.create(**{"workspace": workspace, "queue": lane, "state": state, **fields})
    with connection.cursor() as cursor:
        note_counts(cursor, {(task.workspace_id, task.queue_id, task.type, task.state): 1})
    for parent in parents or []:
        TaskDependency.objects.create(
            task=task, depends_on=parent, is_satisfied=parent.state in FINAL
        )
        Task.objects.filter(id=parent.id).update(has_dependents=True)
    return task


def make_tasks(
    number: int,
    state: str = TaskState.PENDING,
    *,
    workspace: Workspace | None = None,
    queue: str = "default",
    **fields: Any,
) -> list[Task]:
    """Equal tasks in one statement, without counts."""
    workspace = workspace or default_workspace()
    if state in _TRAITS:
        fields = {_TRAITS[TaskState(state)]: True, **fields}
    values = {"workspace": workspace, "queue": make_queue(queue, workspace), "state": state}
    first = TaskFactory.build(**values, **fields)
    more = [copy(first) for _ in range(number - 1)]
    for task in more:
        task.id = uuid7()
    return Task.objects.bulk_create([first, *more])


def make_rollup(
    minutes_ago: int, *, seconds: int = 60, workspace: Workspace | None = None, **figures: Any
) -> None:
    """What happened in one minute, or hour, of a workspace that was measured then."""
    workspace = workspace or default_workspace()
    make_task(workspace=workspace)  # from then on it is measured
    values = {
        "type": "send", "submitted": 0, "started": 0, "completed": 0, "failed": 0,
        "failed_tasks": 0, "retried": 0, "lost": 0, "cancelled": 0, "run_ms": 0, "wait_ms": 0,
        "runs": {}, "waits": {}, **figures,
    }  # fmt: skip
    at = now().replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
    Rollup.objects.create(
        workspace_id=workspace.id, seconds=seconds, at=at, queue_id=make_queue("mail").id, **values
    )


def make_attempt(task: Task, number: int = 1, **fields: Any) -> TaskAttempt:
    """An attempt of a task that ended just now, after ten milliseconds."""
    return AttemptFactory.create(task=task, attempt=number, **fields)


def make_attempts(task: Task, numbers: Iterable[int], **fields: Any) -> None:
    """Attempts of one task with these numbers, in one statement."""
    TaskAttempt.objects.bulk_create(
        AttemptFactory.build(**{"task": task, "attempt": number, **fields}) for number in numbers
    )


def make_log(task: Task, message: str, **fields: Any) -> TaskLog:
    """A log line."""
    return LogFactory.create(task=task, message=message, **fields)


def make_logs(task: Task, numbers: Iterable[int]) -> None:
    """Lines of one task with these numbers in their messages, in one statement."""
    TaskLog.objects.bulk_create(
        LogFactory.build(task=task, message=f"line {number}") for number in numbers
    )


def make_large_tasks(count: int) -> None:
    """Completed tasks with payloads of 20 KB, of which compression leaves 15. Each payload comes
    again after 100 others: no compression looks back that far."""
    first = make_task(TaskState.COMPLETED)
    columns = [field.column for field in Task._meta.concrete_fields]
    changed = {"id": "gen_random_uuid()", "payload": "large.payload"}
    payloads = [
        orjson.dumps({"text": base64.b64encode(os.urandom(15_000)).decode()}).decode()
        for _ in range(min(count, 100))
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO tasks_app_task ({', '.join(columns)})"
            f" SELECT {', '.join(changed.get(column, f'task.{column}') for column in columns)}"
            " FROM tasks_app_task task, generate_series(0, %s) n,"
            " unnest(%s::jsonb[]) WITH ORDINALITY AS large (payload, number)"
            " WHERE task.id = %s AND large.number = n %% %s + 1",
            [count - 1, payloads, first.id, len(payloads)],
        )


def copy_rows(task: Task, number: int) -> None:
    """`number` more tasks like this one, in one statement and without counts or attempts; each is
    a second older, and has run for a second longer, than the one before."""
    columns = [field.column for field in Task._meta.concrete_fields]
    changed = {
        "id": "gen_random_uuid()",
        "finished_at": "finished_at - n * interval '1 second'",
        "started_at": "started_at - 2 * n * interval '1 second'",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO tasks_app_task ({', '.join(columns)})"
            f" SELECT {', '.join(changed.get(column, column) for column in columns)}"
            " FROM tasks_app_task, generate_series(1, %s) n WHERE id = %s",
            [number, task.id],
        )
