"""A worker's moves made by a test: nodes, claims and endings through the engine's own functions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F

from controlplane.core.clock import now
from tasks_app import endings, transitions
from tasks_app.execution.store import Store
from tasks_app.models import Task
from tasks_app.processors import registry
from tasks_app.rows import ClaimedRow, Outcome
from tasks_app.settling import announce_dead_lettered, settle_ended
from tasks_app.states import TaskState
from workers import services
from workers.models import Node


def register_node(name: str = "by-hand") -> int:
    """The id of a node that may claim."""
    node = services.register_node(
        worker=name, host="here", pid=1, queues=["*"], concurrency=1, health_port=None,
        incarnation=uuid4(),
    )  # fmt: skip
    assert services.activate_node(node)
    return node


def store(node: int, queue: str = "default", after: int = 0) -> Store:
    """A pool child's way to the database."""
    return Store(queue=queue, node=lambda: node, announce=lambda _: None, after=after)


def claim(node: int, want: int = 1, queue: str = "default") -> list[ClaimedRow]:
    return store(node, queue).exchange([], want=want)[0]


def finish(node: int, outcomes: Sequence[Outcome]) -> None:
    store(node).exchange(outcomes)


def claim_here(node: int, want: int = 1, queue: str = "default") -> list[ClaimedRow]:
    """Claim on the test's own connection, whose transaction may be open."""
    with transaction.atomic(), connection.cursor() as cursor:
        return transitions.claim_ready(
            cursor, queue=queue, node=node, lease=uuid4(), want=want, after=0
        )


def finish_here(node: int, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes on the test's own connection, whose transaction may be open."""
    with transaction.atomic(), connection.cursor() as cursor:
        ended = transitions.finish_leased(cursor, node=node, outcomes=outcomes)
        announce_dead_lettered(ended, using="default")
        settle_ended(cursor, ended, using="default")


RUN_MS = 5  # of an attempt by `run_task`


def run_task(task_id: UUID, error: dict[str, Any] | None = None) -> None:
    """Claim the task, whatever it waits for, and end its attempt: COMPLETED, or with an error
    FAILED."""
    from tests.factories.tasks import make_node  # whose neighbours import this module

    lease = uuid4()
    node = (Node.objects.first() or make_node()).id
    Task.objects.filter(id=task_id).update(
        state=TaskState.RUNNING,
        lease=lease,
        node_id=node,
        attempt=F("attempt") + 1,
        started_at=now(),
    )
    outcome = Outcome(
        id=task_id,
        lease=lease,
        state=(TaskState.FAILED if error else TaskState.COMPLETED).value,
        outcome="FAILED" if error else "SUCCEEDED",
        run_ms=RUN_MS,
        error=error,
    )
    finish_here(node, [outcome])


def success(claimed: ClaimedRow) -> Outcome:
    return endings.succeeded(claimed, {"attempt": claimed.attempt}, run_ms=1)


def failure(claimed: ClaimedRow, *, retryable: bool = False) -> Outcome:
    error = ValueError("by hand")
    return endings.failed(
        claimed,
        {"class": "ValueError", "message": "by hand", "traceback": "", "category": "CODE"},
        error=error,
        processor=registry.get(claimed.type),
        run_ms=1,
        delay_ms=0,
        retryable=retryable,
    )


def states(ids: Sequence[UUID]) -> list[str]:
    """The states of these tasks, in their order."""
    found = dict(Task.objects.filter(id__in=ids).values_list("id", "state"))
    return [found[task] for task in ids]
