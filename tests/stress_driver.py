"""Stress tests driven by a test: passes of the dispatcher, tasks that end as on a worker."""

import time
from datetime import datetime, timedelta
from uuid import UUID

from controlplane.core.clock import now
from controlplane.ops.stress.driver import StressDriver
from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.processors import StressPayload
from tasks_app.models import Task
from tasks_app.states import TaskState
from tests.factories import make_error
from tests.manual_worker import RUN_MS, run_task


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


def end_tasks(test: StressTest) -> None:
    """End all its tasks as a worker would, parents before those that wait for them."""
    while ready := list(Task.objects.filter(id__in=tasks_of(test), state=TaskState.PENDING)):
        for task in ready:
            end_task(task)
        # The attempts of the next ones are on record as begun RUN_MS before their end.
        time.sleep(2 * RUN_MS / 1_000)


def end_task(task: Task) -> None:
    """One attempt of a ready task: it fails when it is to fail."""
    fails = StressPayload.model_validate(task.payload).should_fail
    run_task(task.id, make_error("as planned") if fails else None)
