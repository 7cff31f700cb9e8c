"""What a failure means, cancelling, retrying, the watch, retention."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from controlplane.core import process_state
from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tasks_app.services import cancel_tasks, delete_tasks
from tests.manual_worker import claim_here, finish_here, success
from tests.workflow_worker import (
    FAIL,
    define,
    drain,
    error_of,
    execute,
    join,
    run_steps,
    state_of,
    states_of,
    step_of,
    work,
)
from workflows import authoring, repair
from workflows.models import RunStep, Workflow, WorkflowRun, WorkflowVersion

pytestmark = pytest.mark.django_db


def test_a_failure_fails_the_run(node: int) -> None:
    """What runs is let finish, what waits is cancelled, nothing new starts."""
    run = run_steps(
        {"key": "runs", "queue": "slow"},
        {"key": "waits", "queue": "slow"},
        {"key": "rest", "type": "wait", "payload": {"seconds": 3600}},
        {"key": "breaks", "payload": FAIL},
        {"key": "after", "dependsOn": ["breaks"]},
    )
    (running,) = claim_here(node, queue="slow")
    work(node)
    join(node)
    assert states_of(run) == {
        "runs": "RUNNING", "waits": "CANCELLED", "rest": "CANCELLED", "breaks": "FAILED",
        "after": "CANCELLED",
    }  # fmt: skip
    assert state_of(run) == "RUNNING"
    assert step_of(run, "after").reason == {
        "code": "RUN_FAILED", "message": "The run failed at step 'breaks'.", "step": "breaks",
    }  # fmt: skip
    assert Task.objects.get(id=running.id).cancel_requested_at is None
    finish_here(node, [success(running)])
    drain(node)
    assert (state_of(run), states_of(run)["runs"]) == ("FAILED", "COMPLETED")
    error = error_of(run)
    assert (error["step"], error["class"], error["category"]) == ("breaks", "ValueError", "CODE")
    assert UUID(error["taskId"]) == step_of(run, "breaks").task_ids[0]
    assert not Task.objects.filter(state__in=["PENDING", "BLOCKED", "SCHEDULED"]).exists()


def test_a_failure_may_be_passed_over(node: int) -> None:
    run = run_steps(
        {"key": "a", "payload": FAIL, "onFailure": "continue"},
        {"key": "b", "dependsOn": ["a"], "payload": {"was": "{{ steps.a.status }}"}},
    )
    drain(node)
    assert (state_of(run), error_of(run)) == ("COMPLETED", {})
    assert step_of(run, "b").result == {"was": "FAILED"}


def test_items_that_fail_leave_gaps(node: int) -> None:
    run = run_steps(
        {
            "key": "each",
            "forEach": "{{ input.l }}",
            "payload": {"fail": "{{ item }}"},
            "onFailure": "continue",
        },
        {"key": "b", "dependsOn": ["each"], "payload": {"all": "{{ steps.each.result }}"}},
        value={"l": [False, True, False, True]},
    )
    drain(node)
    assert step_of(run, "b").result == {"all": [{"fail": False}, None, {"fail": False}, None]}
    error = step_of(run, "each").error
    assert error is not None
    assert (error["item"], error["items"], error["itemsFailed"]) == (1, 4, 2)


def test_a_failure_may_skip_what_depends_on_it(node: int) -> None:
    run = run_steps(
        {"key": "a", "payload": FAIL, "onFailure": "skip-dependents"},
        {"key": "b", "dependsOn": ["a"]},
        {"key": "c", "dependsOn": ["b", "other"]},
        {"key": "other"},
        {"key": "last", "dependsOn": ["other"]},
    )
    drain(node)
    assert state_of(run) == "COMPLETED"
    assert states_of(run) == {
        "a": "FAILED", "b": "SKIPPED", "c": "SKIPPED", "other": "COMPLETED", "last": "COMPLETED",
    }  # fmt: skip
    assert step_of(run, "c").reason["code"] == "PARENT_FAILED"  # type: ignore[index]


def test_an_expression_that_fails_fails_its_step(node: int) -> None:
    run = run_steps({"key": "a"}, {"key": "b", "dependsOn": ["a"], "payload": {
        "x": "{{ steps.a.result.nothing.here }}"}})  # fmt: skip
    drain(node)
    error = error_of(run)
    assert (state_of(run), error["class"], error["step"]) == ("FAILED", "ExpressionError", "b")
    assert "'b'" in error["message"]
    assert "payload.x, column" in error["message"]


@pytest.mark.parametrize(("step", "sentence"), [
    ({"when": "{{ input.n }}"}, "true or false, not a number"),
    ({"forEach": "{{ input.n }}"}, "a list, not a number"),
    ({"type": "wait", "payload": {"seconds": "{{ 'x' }}"}}, "seconds must be"),
    ({"type": "wait", "payload": {"until": "{{ 'x' }}"}}, "until must be a time with its zone"),
    (
        {"type": "wait", "payload": {"until": "{{ '0001-01-01T00:00:00+14:00' }}"}},
        "until must be a time from 1970-01-01 to 9000-01-01 (UTC).",
    ),
    ({"when": "'a'.matches('(\\u0000' + string(input.n))"}, "Invalid regular expression"),
    ({"type": "sleep", "payload": {"ms": "{{ 'x' }}"}}, "payload.ms"),
])  # fmt: skip
def test_values_of_the_wrong_kind_fail_their_step(step: dict[str, Any], sentence: str) -> None:
    run = run_steps({"key": "a", **step}, value={"n": 1})
    assert state_of(run) == "FAILED"
    assert sentence in error_of(run)["message"]
    assert error_of(run)["category"] == "VALIDATION"


def test_a_refused_payload_takes_no_neighbour_along(node: int) -> None:
    good = [{"key": f"g{number}", "onFailure": "continue"} for number in range(5)]
    run = run_steps(
        *good[:3],
        {"key": "bad", "type": "sleep", "payload": {"ms": "{{ 'x' }}"}, "onFailure": "continue"},
        *good[3:],
    )
    assert {key for key, state in states_of(run).items() if state == "FAILED"} == {"bad"}
    drain(node)
    assert state_of(run) == "COMPLETED"


def test_a_fault_in_a_payload_model_fails_its_step_and_no_neighbour(node: int) -> None:
    """Otherwise the join would fail again and again, and the run would wait for ever."""
    run = run_steps(
        {"key": "a"},
        {
            "key": "bad",
            "type": "test-faulty-model",
            "dependsOn": ["a"],
            "payload": {"n": "{{ input.n }}"},
            "onFailure": "continue",
        },
        {"key": "good", "dependsOn": ["a"]},
        value={"n": 0},
    )
    drain(node)
    assert state_of(run) == "COMPLETED"
    assert states_of(run) == {"a": "COMPLETED", "bad": "FAILED", "good": "COMPLETED"}
    error = step_of(run, "bad").error
    assert error is not None
    assert (error["class"], error["category"]) == ("ZeroDivisionError", "CODE")
    assert "'bad' could not be started" in error["message"]


def test_an_expression_that_no_longer_compiles_fails_its_step(node: int) -> None:
    """It was stored by an older release; a join that raises would leave the run open."""
    workflow = define({"key": "a"}, {"key": "b", "dependsOn": ["a"], "when": "true"})
    version = WorkflowVersion.objects.get(workflow_id=workflow)
    version.definition["tasks"][1]["when"] = "gone(1)"
    version.save()
    run = execute(workflow)
    drain(node)
    assert (state_of(run), states_of(run)["a"]) == ("FAILED", "COMPLETED")
    error = error_of(run)
    assert (error["step"], error["class"]) == ("b", "ExpressionError")
    assert "no function 'gone'" in error["message"]


def test_a_task_cancelled_by_hand_fails_its_step(node: int) -> None:
    run = run_steps({"key": "a"})
    task = step_of(run, "a").task_ids[0]
    cancel_tasks(workspace_id=get_default_workspace_id(), ids=[task], actor=SYSTEM)
    drain(node)
    assert error_of(run)["class"] == "TaskCancelled"


def test_the_watch_closes_a_step_whose_join_was_cancelled_or_removed(node: int) -> None:
    runs = [run_steps({"key": "a"}, {"key": "b", "dependsOn": ["a"]}, name=n) for n in ("x", "y")]
    workspace = get_default_workspace_id()
    joins = [step_of(run, "a").join_id for run in runs]
    cancel_tasks(workspace_id=workspace, ids=joins, actor=SYSTEM)  # type: ignore[arg-type]
    delete_tasks(workspace_id=workspace, ids=joins[1:], actor=SYSTEM)  # type: ignore[arg-type]
    repair.close_stuck_steps()
    assert [states_of(run)["a"] for run in runs] == ["RUNNING", "RUNNING"], "their tasks wait"
    drain(node)
    assert repair.close_stuck_steps() == 0
    assert [states_of(run)["b"] for run in runs] == ["RUNNING", "RUNNING"]
    drain(node)
    assert [state_of(run) for run in runs] == ["COMPLETED", "COMPLETED"]


def test_the_watch_fails_a_step_whose_tasks_are_gone(node: int) -> None:
    run = run_steps({"key": "a"})
    step = step_of(run, "a")
    Task.objects.filter(id__in=[*step.task_ids, step.join_id]).delete()
    repair.close_stuck_steps()
    assert (state_of(run), error_of(run)["class"]) == ("FAILED", "TaskGone")


def test_the_watch_goes_round_in_batches_and_leaves_alone_what_waits() -> None:
    run_steps({"key": "ask", "type": "approval"}, {"key": "a"}, {"key": "b"})
    after = repair.close_stuck_steps(limit=2)
    assert after > 0
    assert repair.close_stuck_steps(after=after, limit=2) == 0
    watch = repair.make_repair_sweep()
    assert watch() is False
    assert RunStep.objects.filter(finished_at__isnull=False).count() == 0


def test_old_runs_are_removed_with_their_steps(node: int) -> None:
    workflow = define({"key": "a"})
    old, young, running = execute(workflow), execute(workflow), None
    drain(node)
    running = execute(workflow)
    WorkflowRun.objects.filter(id=old).update(finished_at=now() - timedelta(days=31))
    authoring.delete_workflow(
        workspace_id=get_default_workspace_id(), workflow_id=workflow, actor=SYSTEM
    )
    Workflow.objects.update(deleted_at=now() - timedelta(days=31))
    assert repair.prune_runs(100) == 1
    assert set(WorkflowRun.objects.values_list("id", flat=True)) == {young, running}
    assert not RunStep.objects.filter(run_id=old).exists()
    drain(node)
    WorkflowRun.objects.update(finished_at=now() - timedelta(days=31))
    assert repair.prune_runs(1) == 1
    assert repair.prune_runs(100) == 2
    assert not Workflow.objects.exists()
    assert not WorkflowVersion.objects.exists()


def test_a_step_that_cannot_be_closed_keeps_no_other_from_it(
    node: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The first run's definition has been broken by hand: nothing can be done with it."""
    broken, well = (run_steps({"key": "a"}, name=name) for name in ("broken", "well"))
    assert work(node) == 2
    for run in (broken, well):
        Task.objects.filter(id=step_of(run, "a").join_id).delete()
    version = WorkflowRun.objects.get(id=broken).version_id
    WorkflowVersion.objects.filter(id=version).update(definition={"tasks": []})
    process_state.reset_all()
    assert repair.close_stuck_steps() == 0
    assert (state_of(broken), state_of(well)) == ("RUNNING", "COMPLETED")
    assert f"Stuck step not closed: run={broken} step='a'" in caplog.text
