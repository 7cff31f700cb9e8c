"""What operators ask for races what workers do: one of the two happened, never half of both."""

import time
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction

from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app import services, transitions
from tasks_app.models import Task, TaskAttempt
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.concurrency.racing import Racers
from tests.manual_worker import claim, failure, finish, register_node, success

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

ROUNDS = 25


def test_a_cancelled_task_never_starts(two: Racers) -> None:
    """Either the cancel was first and nobody claims it, or the running one is asked to stop."""
    node, workspace = register_node(), get_default_workspace_id()
    answers = []
    for number in range(ROUNDS):
        task = submit_task(spec=TaskSpec(type="noop"))

        def cancel(task: Any = task, number: int = number) -> str:
            time.sleep(number % 5 * 0.001)
            return services.cancel_task(workspace_id=workspace, task_id=task, actor=SYSTEM)

        answer, claims = two.race(cancel, lambda: claim(node))
        answers.append(answer)
        row = Task.objects.get(id=task)
        if answer == "ended":
            assert (row.state, row.attempt, claims) == ("CANCELLED", 0, [])
        else:
            assert (row.state, row.attempt, len(claims)) == ("RUNNING", 1, 1)
            finish(node, [failure(claims[0], retryable=True)])
            row.refresh_from_db()
            assert row.state == "CANCELLED"
        assert claim(node) == []
    assert AuditEvent.objects.filter(action="task.cancel").count() == ROUNDS


def test_a_cancel_does_not_miss_a_task_that_is_handed_back(two: Racers) -> None:
    """The row is RUNNING at the cancel's first look, and PENDING a moment later."""
    node, workspace = register_node(), get_default_workspace_id()
    task = submit_task(spec=TaskSpec(type="noop"))
    (row,) = claim(node)
    with transaction.atomic(), connections["default"].cursor() as cursor:
        transitions.release_leased(cursor, [(row.id, row.lease)])
        answer = two.start(
            lambda: services.cancel_task(workspace_id=workspace, task_id=task, actor=SYSTEM)
        )
        time.sleep(0.3)
    assert answer.result(10) == "ended"
    assert Task.objects.get(id=task).state == "CANCELLED"


def test_cancels_and_hand_backs_race(two: Racers) -> None:
    node, workspace = register_node(), get_default_workspace_id()
    for number in range(ROUNDS):
        task = submit_task(spec=TaskSpec(type="noop"))
        (row,) = claim(node)

        def release(row: Any = row, number: int = number) -> None:
            time.sleep(number % 5 * 0.001)
            with transaction.atomic(), connections["default"].cursor() as cursor:
                transitions.release_leased(cursor, [(row.id, row.lease)])

        two.race(
            lambda task=task: services.cancel_task(  # type: ignore[misc]
                workspace_id=workspace, task_id=task, actor=SYSTEM
            ),
            release,
        )
        ended = Task.objects.get(id=task)
        assert (ended.state, ended.attempt, ended.lease) == ("CANCELLED", 0, None)
    assert not TaskAttempt.objects.exists()


def test_a_retry_racing_a_cancel_leaves_one_of_the_two(two: Racers) -> None:
    node, workspace = register_node(), get_default_workspace_id()
    for number in range(ROUNDS):
        task = submit_task(spec=TaskSpec(type="noop"))
        finish(node, [failure(claim(node)[0])])

        def cancel(task: Any = task, number: int = number) -> str:
            time.sleep(number % 5 * 0.001)
            try:
                return services.cancel_task(workspace_id=workspace, task_id=task, actor=SYSTEM)
            except Conflict:
                return "refused"

        answer, retried = two.race(
            cancel,
            lambda task=task: services.retry_tasks(  # type: ignore[misc]
                workspace_id=workspace, ids=[task], actor=SYSTEM
            ),
        )
        row = Task.objects.get(id=task)
        assert retried == [task]
        assert row.state == ("CANCELLED" if answer == "ended" else "PENDING")
        assert (row.attempt, row.max_attempts) == (1, 1 + row.round_attempts)
        if row.state == "PENDING":
            finish(node, [success(claim(node)[0])])
        outcomes = TaskAttempt.objects.filter(task_id=task).values_list("attempt", flat=True)
        assert list(outcomes) == list(range(1, len(outcomes) + 1))


def test_two_retries_are_one_round(two: Racers) -> None:
    node, workspace = register_node(), get_default_workspace_id()
    for _ in range(ROUNDS):
        task = submit_task(spec=TaskSpec(type="noop", max_attempts=1))
        finish(node, [failure(claim(node)[0])])
        retried = two.race(*[
            lambda task=task: services.retry_tasks(  # type: ignore[misc]
                workspace_id=workspace, ids=[task], actor=SYSTEM
            )
        ] * 2)  # fmt: skip
        assert sorted(retried) == [[], [task]]
        assert Task.objects.get(id=task).max_attempts == 2
        finish(node, [success(claim(node)[0])])
    assert AuditEvent.objects.filter(action="task.retry").count() == ROUNDS


@pytest.mark.parametrize("verb", ["reprioritize", "delete"])
def test_every_bulk_action_locks_in_the_order_of_ids(two: Racers, verb: str) -> None:
    """One that began at the other end would meet a cancel half way, and one of them be ended."""
    node, workspace = register_node(), get_default_workspace_id()
    first, second = ids = submit_tasks(specs=[TaskSpec(type="noop")] * 2)
    if verb == "delete":
        finish(node, [success(row) for row in claim(node) + claim(node)])
    acts: dict[str, Any] = {
        "reprioritize": partial(services.reprioritize_tasks, priority=5),
        "delete": services.delete_tasks,
    }
    with transaction.atomic():
        Task.objects.select_for_update().get(id=first)
        waits = two.start(lambda: acts[verb](workspace_id=workspace, ids=ids, actor=SYSTEM))
        time.sleep(0.3)
        free = Task.objects.select_for_update(skip_locked=True).filter(id=second)
        assert free.exists()
    assert sorted(waits.result(10)) == ids


def test_bulk_actions_in_opposite_order_do_not_deadlock(two: Racers) -> None:
    workspace = get_default_workspace_id()
    for _ in range(10):
        ids = submit_tasks(specs=[TaskSpec(type="noop")] * 200)
        two.race(
            lambda ids=ids: services.cancel_tasks(  # type: ignore[misc]
                workspace_id=workspace, ids=ids, actor=SYSTEM
            ),
            lambda ids=ids[::-1]: services.cancel_tasks(  # type: ignore[misc]
                workspace_id=workspace, ids=ids, actor=SYSTEM
            ),
        )
        two.race(
            lambda ids=ids: services.retry_tasks(  # type: ignore[misc]
                workspace_id=workspace, ids=ids, actor=SYSTEM
            ),
            lambda ids=ids[::-1]: services.retry_tasks(  # type: ignore[misc]
                workspace_id=workspace, ids=ids, actor=SYSTEM
            ),
        )
        assert Task.objects.filter(id__in=ids, state="PENDING").count() == 200
        services.cancel_tasks(workspace_id=workspace, ids=ids, actor=SYSTEM)
