"""Bulk operations: dispatchers race each other, people and workers."""

from collections import Counter
from typing import Any

import pytest

from controlplane.core.errors import Conflict
from controlplane.ops.operations import control
from controlplane.ops.operations.driver import OperationDriver
from controlplane.ops.operations.models import Operation
from controlplane.ops.operations.states import OPEN
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from tests.concurrency.racing import Racers
from tests.factories import make_tasks
from tests.manual_worker import claim, finish, register_node, success
from tests.operations import drive, preview, start

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def drive_all(operation: Operation) -> None:
    """As a dispatcher that leads until the operation has ended."""
    driver = OperationDriver()
    while Operation.objects.filter(id=operation.id, state__in=OPEN).exists():
        driver.drive()


def test_two_dispatchers_change_each_task_once(two: Racers) -> None:
    make_tasks(1_000, "FAILED", type="bulk")
    operation = start("tasks", "retry", wanted={"type": "bulk"})

    two.race(lambda: drive_all(operation), lambda: drive_all(operation))

    operation.refresh_from_db()
    assert (operation.state, operation.changed) == ("COMPLETED", 1_000)
    retries = AuditEvent.objects.filter(action="task.retry")
    assert sum(event.detail["count"] for event in retries) == 1_000


def test_a_token_that_two_send_at_once_starts_one_operation(two: Racers) -> None:
    make_tasks(3)
    found = preview("tasks", "cancel", is_all=True)

    def begin() -> Any:
        try:
            return control.start_operation(
                workspace_id=found.plan.workspace_id, token=found.token, actor=SYSTEM, reason="x"
            )
        except Conflict as error:
            return error.detail

    answers = two.race(begin, begin)

    assert Operation.objects.count() == 1
    assert sum("was started before" in str(answer) for answer in answers) == 1


def test_a_cancel_ends_it_between_two_chunks(two: Racers) -> None:
    make_tasks(1_000)
    operation = drive(start("tasks", "cancel", is_all=True), passes=2)

    def cancel() -> None:
        control.cancel_operation(
            workspace_id=operation.workspace_id, operation_id=operation.id, actor=SYSTEM
        )

    two.race(lambda: drive_all(operation), cancel)

    operation.refresh_from_db()
    done = operation.submitted
    assert operation.state == "CANCELLED"
    assert done % 200 == 0
    assert Task.objects.filter(state="CANCELLED").count() == operation.changed == done
    assert operation.items.exclude(outcome="").count() == done


def test_what_a_worker_takes_beside_it_ends_as_well(two: Racers) -> None:
    submit_tasks(specs=[TaskSpec(type="noop")] * 300)
    node = register_node()
    operation = start("tasks", "cancel", is_all=True)

    def work() -> None:
        while claims := claim(node, want=20):
            finish(node, [success(each) for each in claims])

    two.race(lambda: drive_all(operation), work)

    operation.refresh_from_db()
    assert operation.state == "COMPLETED"
    assert operation.changed + operation.refused + operation.unchanged == operation.total
    ends = Counter(Task.objects.values_list("state", flat=True))
    assert ends["COMPLETED"] + ends["CANCELLED"] == 300
    assert ends["CANCELLED"] <= operation.changed
