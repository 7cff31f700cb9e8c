"""Tasks that end as a worker would end them, within the test's own transaction."""

from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F

from controlplane.core.clock import now
from controlplane.workspaces.models import Workspace
from dlq.models import DeadLetter
from tasks_app import transitions
from tasks_app.models import Task
from tasks_app.rows import Outcome
from tasks_app.settling import announce_dead_lettered, settle_ended
from tasks_app.states import TaskState
from tests.clients import default_workspace
from tests.rows import make_node, make_task
from workers.models import Node

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/shop/orders.py", line {line}, in {function}\n'
    "    raise error\n"
    '  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode\n'
)


def an_error(
    message: str = "order 17 cannot be charged",
    *,
    name: str = "ValueError",
    category: str = "CODE",
    function: str = "charge",
    line: int = 12,
) -> dict[str, Any]:
    """An error as an attempt keeps it."""
    text = TRACEBACK.format(line=line, function=function) + f"{name}: {message}\n"
    return {"class": name, "message": message, "traceback": text, "category": category}


def run_to_end(task_id: UUID, error: dict[str, Any] | None = None) -> None:
    """Claim the task, whatever it waits for, and end its attempt: COMPLETED, or with an error
    FAILED."""
    lease = uuid4()
    node = Node.objects.first() or make_node()
    Task.objects.filter(id=task_id).update(
        state=TaskState.RUNNING,
        lease=lease,
        node_id=node.id,
        attempt=F("attempt") + 1,
        started_at=now(),
    )
    outcome = Outcome(
        id=task_id,
        lease=lease,
        state=(TaskState.FAILED if error else TaskState.COMPLETED).value,
        outcome="FAILED" if error else "SUCCEEDED",
        run_ms=5,
        error=error,
    )
    with transaction.atomic(), connection.cursor() as cursor:
        ended = transitions.finish_leased(cursor, node=node.id, outcomes=[outcome])
        announce_dead_lettered(ended, using="default")
        settle_ended(cursor, ended, using="default")


def die(
    error: dict[str, Any] | None = None, *, workspace: Workspace | None = None, **fields: Any
) -> DeadLetter:
    """The letter of a new task that has just died."""
    values = {"type": "test-echo", "name": "an echo", "payload": {"order": 17}, **fields}
    task = make_task(workspace=workspace or default_workspace(), **values)
    return die_again(task.id, error)


def die_again(task_id: UUID, error: dict[str, Any] | None = None) -> DeadLetter:
    """The newest letter of this task, after it has died (once more)."""
    run_to_end(task_id, error or an_error())
    letter = DeadLetter.objects.filter(task_id=task_id).order_by("id").last()
    assert letter is not None
    return letter
