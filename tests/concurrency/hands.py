"""A worker's moves made by hand: nodes, claims and endings through the engine's own functions."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from tasks_app import endings
from tasks_app.execution.store import Store
from tasks_app.models import Task
from tasks_app.processors import registry
from tasks_app.rows import ClaimedRow, Outcome
from workers import services


def make_node(name: str = "by-hand") -> int:
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
