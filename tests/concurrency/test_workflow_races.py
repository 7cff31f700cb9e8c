"""Open runs: if others close, cancel, retry or decide at the same moment, each step closes
once, each dependent starts once, and no run is stranded."""

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from controlplane.core.errors import Conflict, Unavailable
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tests.concurrency.racing import Racers
from tests.manual_worker import claim_here, failure, finish_here, register_node, success
from tests.workflow_worker import (
    define,
    drain,
    execute,
    run_join,
    state_of,
    states_of,
    step_of,
    work,
)
from workflows import repair, runs
from workflows.models import RunStep, WorkflowRun

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def quietly(act: Callable[[], Any]) -> str:
    """The result: "done" or "refused"."""
    try:
        act()
    except Conflict:
        return "refused"
    return "done"


def cancel(run: UUID) -> None:
    runs.cancel_run(workspace_id=get_default_workspace_id(), run_id=run, actor=SYSTEM)


def retry(run: UUID) -> dict[UUID, UUID]:
    return runs.retry_run(workspace_id=get_default_workspace_id(), run_id=run, actor=SYSTEM)


def check(run: UUID) -> None:
    """What holds of every run, in whichever state."""
    found = WorkflowRun.objects.get(id=run)
    steps = list(RunStep.objects.filter(run_id=run))
    ended = [step for step in steps if step.finished_at is not None]
    assert found.steps_ended == len(ended)
    assert (found.finished_at is not None) == (len(ended) == len(steps))
    for step in steps:
        tasks = Task.objects.filter(workflow_run_id=run, step_key=step.key, reprocess_of=None)
        assert tasks.count() in (0, 1), "a step starts once"


def test_steps_that_end_together_release_their_dependent_once(two: Racers, rounds: int) -> None:
    node = register_node()
    workflow = define({"key": "a"}, {"key": "b"}, {"key": "c", "dependsOn": ["a", "b"]})
    for _ in range(rounds):
        run = execute(workflow)
        work(node)
        first, second = claim_here(node, want=2, queue="workflows")
        two.race(lambda row=first: run_join(row), lambda row=second: run_join(row))  # type: ignore[misc]
        assert states_of(run) == {"a": "COMPLETED", "b": "COMPLETED", "c": "RUNNING"}
        check(run)
        finish_here(node, [success(first), success(second)])
        drain(node)
        assert state_of(run) == "COMPLETED"


def test_two_joins_of_a_step_close_it_once(two: Racers, rounds: int) -> None:
    node = register_node()
    workflow = define({"key": "a"}, {"key": "b", "dependsOn": ["a"]})
    for _ in range(rounds):
        run = execute(workflow)
        work(node)
        closed = two.race(*[lambda run=run: runs.advance_run(run, "a")] * 2)  # type: ignore[misc]
        assert sorted(closed) == [False, True]
        assert len(step_of(run, "b").task_ids) == 1
        check(run)
        drain(node)


def test_a_cancel_and_a_join_leave_a_run_that_ends(two: Racers, rounds: int) -> None:
    node = register_node()
    workflow = define({"key": "a"}, {"key": "b", "dependsOn": ["a"]}, {"key": "c"})
    for number in range(rounds):
        run = execute(workflow)
        work(node, want=1)
        (row,) = claim_here(node, queue="workflows")

        def cancels(run: UUID = run, number: int = number) -> None:
            time.sleep(number % 6 * 0.001)
            cancel(run)

        two.race(lambda row=row: run_join(row), cancels)  # type: ignore[misc]
        assert states_of(run)["a"] in ("COMPLETED", "CANCELLED")
        finish_here(node, [success(row)])
        drain(node)
        assert state_of(run) == "CANCELLED"
        check(run)


def test_a_cancel_and_a_finishing_worker_leave_a_run_that_ends(two: Racers, rounds: int) -> None:
    """The worker holds the rows of tasks, the cancel that of the run."""
    node = register_node()
    workflow = define(
        {"key": "each", "forEach": "{{ input.l }}"}, {"key": "b", "dependsOn": ["each"]}
    )
    for number in range(rounds):
        run = execute(workflow, {"l": list(range(10))})
        rows = claim_here(node, want=6)

        def ends(rows: Any = rows, number: int = number) -> None:
            time.sleep(number % 6 * 0.001)
            finish_here(node, [success(row) for row in rows])

        two.race(ends, lambda run=run: cancel(run))  # type: ignore[misc]
        drain(node)
        repair.close_stuck_steps()
        assert state_of(run) == "CANCELLED"
        found = WorkflowRun.objects.get(id=run)
        assert found.steps_ended == found.steps_total
        assert not Task.objects.exclude(state__in=["COMPLETED", "CANCELLED"]).exists()


def test_a_failing_step_and_one_that_completes_leave_a_failed_run(two: Racers, rounds: int) -> None:
    node = register_node()
    workflow = define(
        {"key": "bad"}, {"key": "good"}, {"key": "next", "dependsOn": ["good"]},
    )  # fmt: skip
    for _ in range(rounds):
        run = execute(workflow)
        rows = claim_here(node, want=2)
        bad = step_of(run, "bad").task_ids[0]
        finish_here(node, [failure(row) if row.id == bad else success(row) for row in rows])
        first, second = claim_here(node, want=2, queue="workflows")
        two.race(lambda row=first: run_join(row), lambda row=second: run_join(row))  # type: ignore[misc]
        finish_here(node, [success(first), success(second)])
        drain(node)
        assert state_of(run) == "FAILED"
        assert WorkflowRun.objects.get(id=run).error["step"] == "bad"  # type: ignore[index]
        check(run)


def test_retries_at_once_are_one_and_an_old_join_does_not_disturb_it(
    two: Racers, rounds: int
) -> None:
    node = register_node()
    workflow = define({"key": "a"}, {"key": "b", "dependsOn": ["a"]})
    for _ in range(rounds):
        run = execute(workflow)
        finish_here(node, [failure(row) for row in claim_here(node)])
        (old,) = claim_here(node, queue="workflows")
        run_join(old)
        assert state_of(run) == "FAILED"
        came = two.race(*[lambda run=run: quietly(lambda: retry(run))] * 2)  # type: ignore[misc]
        assert sorted(came) == ["done", "refused"]
        again, _ = two.race(lambda: work(node), lambda old=old: run_join(old))  # type: ignore[misc]
        assert again == 1
        finish_here(node, [success(old)])
        drain(node)
        assert state_of(run) == "COMPLETED"
        assert Task.objects.filter(workflow_run_id=run, step_key="a").count() == 2
        assert Task.objects.filter(workflow_run_id=run, step_key="b").count() == 1


def test_a_retry_and_a_join_of_the_run_come_one_after_the_other(two: Racers, rounds: int) -> None:
    """The join that ends the run meets a retry: it is refused, or repeats everything broken."""
    node = register_node()
    workflow = define({"key": "a"}, {"key": "b", "dependsOn": ["a"]})
    for number in range(rounds):
        run = execute(workflow)
        finish_here(node, [failure(row) for row in claim_here(node)])
        (row,) = claim_here(node, queue="workflows")

        def retries(run: UUID = run, number: int = number) -> str:
            time.sleep(number % 6 * 0.001)
            return quietly(lambda: retry(run))

        _, came = two.race(lambda row=row: run_join(row), retries)  # type: ignore[misc]
        finish_here(node, [success(row)])
        assert state_of(run) == ("RUNNING" if came == "done" else "FAILED")
        drain(node)
        assert state_of(run) == ("COMPLETED" if came == "done" else "FAILED")
        assert WorkflowRun.objects.get(id=run).steps_ended == 2


def test_a_step_is_decided_once(two: Racers, rounds: int) -> None:
    node = register_node()
    workflow = define({"key": "ask", "type": "approval"}, {"key": "b", "dependsOn": ["ask"]})
    for _ in range(rounds):
        run = execute(workflow)

        def decide(approve: bool, run: UUID = run) -> None:
            runs.decide_step(
                workspace_id=get_default_workspace_id(), run_id=run, step_key="ask",
                approve=approve, comment="", actor=SYSTEM,
            )  # fmt: skip

        came = two.race(
            lambda decide=decide: quietly(lambda: decide(True)),  # type: ignore[misc]
            lambda decide=decide: quietly(lambda: decide(False)),  # type: ignore[misc]
        )
        assert sorted(came) == ["done", "refused"]
        drain(node)
        assert state_of(run) == ("COMPLETED" if came[0] == "done" else "FAILED")
        check(run)


def test_a_run_that_ends_and_the_run_above_that_is_cancelled_do_not_wait_for_each_other(
    two: Racers, rounds: int
) -> None:
    """The run below notifies the one above by a task; the cancel goes from above to below."""
    node = register_node()
    define({"key": "deep"}, name="child")
    workflow = define(
        {"key": "sub", "type": "workflow", "payload": {"workflow": "child"}},
        {"key": "after", "dependsOn": ["sub"]},
    )
    for number in range(rounds):
        run = execute(workflow)
        work(node)
        (row,) = claim_here(node, queue="workflows")

        def cancels(run: UUID = run, number: int = number) -> None:
            time.sleep(number % 6 * 0.001)
            cancel(run)

        two.race(lambda row=row: run_join(row), cancels)  # type: ignore[misc]
        finish_here(node, [success(row)])
        drain(node)
        assert state_of(run) == "CANCELLED"
        assert states_of(run)["after"] == "CANCELLED"
        assert not WorkflowRun.objects.filter(state="RUNNING").exists()


def test_a_request_does_not_wait_long_for_a_run_that_a_worker_holds(
    two: Racers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.runs.operations.LOCK_TIMEOUT", "50ms")
    run = execute(define({"key": "ask", "type": "approval"}))
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            WorkflowRun.objects.select_for_update().get(id=run)
            is_held.set()
            may_end.wait(30)

    holding = two.start(hold)
    try:
        assert is_held.wait(30)
        with pytest.raises(Unavailable, match="Try again"):
            cancel(run)
    finally:
        may_end.set()
        holding.result(30)
    cancel(run)
    assert state_of(run) == "CANCELLED"
