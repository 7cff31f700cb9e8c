"""Stress tests driven by hand: passes as the dispatcher makes them, tasks as a worker ends them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F

from controlplane.core.clock import now
from controlplane.ops.stress import control
from controlplane.ops.stress.driver import StressDriver
from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.processors import StressPayload
from controlplane.ops.stress.spec import make_spec
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.models import Workspace
from tasks_app import transitions
from tasks_app.models import Task
from tasks_app.rows import Outcome
from tasks_app.settling import announce_dead_lettered, settle_ended
from tasks_app.states import TaskState
from tests.clients import default_workspace
from tests.deaths import an_error
from tests.factories import make_node
from workers.models import Node


def start(
    tasks: int, *, workspace: Workspace | None = None, actor: Actor = SYSTEM, **asked: Any
) -> StressTest:
    """A test that the dispatcher has not seen yet."""
    return control.start_test(
        workspace_id=(workspace or default_workspace()).id,
        spec=make_spec(tasks=tasks, **asked),
        actor=actor,
    )


def drive(test: StressTest, *, passes: int = 1, at: datetime | None = None) -> StressTest:
    """Passes of the dispatcher, each a second after the one before."""
    first = at or now()
    for number in range(passes):
        StressDriver().drive(now=first + timedelta(seconds=number))
    test.refresh_from_db()
    return test


def drive_to(test: StressTest, *states: str, passes: int = 50) -> StressTest:
    """Passes until the test is in one of these states."""
    for number in range(passes):
        StressDriver().drive(now=now() + timedelta(seconds=number))
        test.refresh_from_db()
        if test.state in states:
            return test
    raise AssertionError(f"The test stays {test.state}: {test.stop_reason}")


def tasks_of(test: StressTest) -> list[UUID]:
    """The tasks that it has submitted, in order."""
    return list(test.items.order_by("number").values_list("task_id", flat=True))


def work(test: StressTest) -> None:
    """End all its tasks as a worker would, parents before those that wait for them."""
    while ready := list(Task.objects.filter(id__in=tasks_of(test), state=TaskState.PENDING)):
        for task in ready:
            end_task(task)


def end_task(task: Task) -> None:
    """One attempt of a ready task: it fails when it is to fail."""
    lease, node = uuid4(), Node.objects.first() or make_node()
    fails = StressPayload.model_validate(task.payload).should_fail
    Task.objects.filter(id=task.id).update(
        state=TaskState.RUNNING,
        lease=lease,
        node_id=node.id,
        attempt=F("attempt") + 1,
        started_at=now(),
    )
    outcome = Outcome(
        id=task.id,
        lease=lease,
        state=(TaskState.FAILED if fails else TaskState.COMPLETED).value,
        outcome="FAILED" if fails else "SUCCEEDED",
        run_ms=0,
        error=an_error("as planned") if fails else None,
    )
    with transaction.atomic(), connection.cursor() as cursor:
        ended = transitions.finish_leased(cursor, node=node.id, outcomes=[outcome])
        announce_dead_lettered(ended, using="default")
        settle_ended(cursor, ended, using="default")
