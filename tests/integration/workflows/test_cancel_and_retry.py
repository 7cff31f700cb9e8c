"""Runs that a person cancels, retries, or starts again with another input."""

from typing import Any
from uuid import UUID

import pytest

from controlplane.core.errors import Conflict, Invalid, NotFound
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tasks_app.services import retry_task
from tests.clients import other_workspace
from tests.manual_worker import claim_here, failure, finish_here
from tests.workflow_worker import (
    FAIL,
    define,
    drain,
    error_of,
    execute,
    payloads_of,
    run_steps,
    state_of,
    states_of,
    step_of,
)
from workflows import runs
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


def cancel(run: UUID) -> WorkflowRun:
    return runs.cancel_run(workspace_id=get_default_workspace_id(), run_id=run, actor=SYSTEM)


def retry(run: UUID, **more: Any) -> dict[UUID, UUID]:
    return runs.retry_run(workspace_id=get_default_workspace_id(), run_id=run, actor=SYSTEM, **more)


def test_a_cancel_ends_a_run_that_waits_at_once(node: int) -> None:
    run = run_steps(
        {"key": "a"},
        {"key": "rest", "type": "wait", "payload": {"seconds": 60}},
        {"key": "b", "dependsOn": ["a"]},
    )
    assert cancel(run).state == "CANCELLED"
    assert set(states_of(run).values()) == {"CANCELLED"}
    assert step_of(run, "b").reason["code"] == "RUN_CANCELLED"  # type: ignore[index]
    assert set(Task.objects.values_list("state", flat=True)) == {"CANCELLED"}
    with pytest.raises(Conflict):
        cancel(run)
    with pytest.raises(NotFound):
        runs.cancel_run(workspace_id=other_workspace().id, run_id=run, actor=SYSTEM)
    assert AuditEvent.objects.filter(action="workflow.cancel", target_id=str(run)).count() == 1


def test_a_cancel_asks_what_runs_and_waits_for_it(node: int) -> None:
    define({"key": "deep", "queue": "slow"}, {"key": "next", "dependsOn": ["deep"]}, name="child")
    run = run_steps(
        {"key": "sub", "type": "workflow", "payload": {"workflow": "child"}},
        {"key": "runs", "queue": "slow"},
    )
    child = WorkflowRun.objects.get(parent_run_id=run).id
    rows = claim_here(node, want=2, queue="slow")
    assert cancel(run).state == "RUNNING"
    assert Task.objects.filter(cancel_requested_at__isnull=False, state="RUNNING").count() == 2
    assert states_of(child) == {"deep": "RUNNING", "next": "CANCELLED"}
    finish_here(node, [failure(row) for row in rows])
    drain(node)
    assert (state_of(child), state_of(run)) == ("CANCELLED", "CANCELLED")
    assert set(states_of(run).values()) == {"CANCELLED"}


def test_a_cancelled_run_below_fails_the_step_above(node: int) -> None:
    define({"key": "deep"}, name="child")
    run = run_steps({"key": "sub", "type": "workflow", "payload": {"workflow": "child"}})
    child = WorkflowRun.objects.get(parent_run_id=run).id
    cancel(child)
    drain(node)
    assert (state_of(run), error_of(run)["class"]) == ("FAILED", "WorkflowCancelled")


def test_a_retry_repeats_what_failed_and_keeps_the_rest(node: int) -> None:
    run = run_steps(
        {"key": "before"},
        {
            "key": "each",
            "dependsOn": ["before"],
            "forEach": "{{ input.l }}",
            "payload": {"fail": "{{ item }}", "n": "{{ index }}"},
        },
        {"key": "after", "dependsOn": ["each"], "payload": {"all": "{{ steps.each.result }}"}},
        value={"l": [False, True, True]},
    )
    drain(node)
    assert state_of(run) == "FAILED"
    before = step_of(run, "each").task_ids
    with pytest.raises(Conflict, match="is retried"):
        retry_task(workspace_id=get_default_workspace_id(), task_id=before[1], actor=SYSTEM)
    repeats = retry(run, payloads={before[1]: {"n": 10}, before[2]: {"n": 20}})
    assert set(repeats) == {before[1], before[2]}
    assert step_of(run, "each").task_ids == [before[0], repeats[before[1]], repeats[before[2]]]
    assert Task.objects.get(id=repeats[before[1]]).reprocess_of == before[1]
    assert (state_of(run), states_of(run)) == (
        "RUNNING", {"before": "COMPLETED", "each": "RUNNING", "after": "PENDING"},
    )  # fmt: skip
    drain(node)
    assert (state_of(run), error_of(run)) == ("COMPLETED", {})
    assert step_of(run, "after").result == {"all": [{"fail": False, "n": 0}, {"n": 10}, {"n": 20}]}
    assert Task.objects.filter(workflow_run_id=run, step_key="before").count() == 1
    with pytest.raises(Conflict, match="COMPLETED"):
        retry(run)


def test_a_retry_reopens_what_the_failure_kept_from_running(node: int) -> None:
    run = run_steps(
        {"key": "skips", "payload": FAIL, "onFailure": "skip-dependents"},
        {"key": "skipped", "dependsOn": ["skips"]},
        {"key": "never", "when": "false"},
        {"key": "breaks", "dependsOn": ["skipped"], "payload": {"x": "{{ input.y }}"}},
        {"key": "rest", "type": "wait", "payload": {"seconds": 3600}},
        {"key": "bad", "payload": {"x": "{{ input.nothing }}"}},
    )
    drain(node)
    assert state_of(run) == "FAILED"
    assert states_of(run)["rest"] == "CANCELLED"
    retry(run)
    # The expression fails once more, at once, and stops the run again.
    assert states_of(run)["never"] == "SKIPPED"
    assert error_of(run)["step"] == "bad"


def test_a_cancelled_run_can_be_retried(node: int) -> None:
    run = run_steps({"key": "a"}, {"key": "b", "dependsOn": ["a"]}, {"key": "c"})
    cancel(run)
    retry(run)
    assert states_of(run) == {"a": "RUNNING", "b": "PENDING", "c": "RUNNING"}
    drain(node)
    assert state_of(run) == "COMPLETED"
    assert WorkflowRun.objects.get(id=run).cancel_requested_at is None


def test_a_retry_reaches_the_runs_below_from_wherever_it_is_asked(node: int) -> None:
    define({"key": "ok"}, {"key": "deep", "payload": FAIL}, name="child")
    run = run_steps(
        {"key": "sub", "type": "workflow", "payload": {"workflow": "child"}},
        {"key": "after", "dependsOn": ["sub"]},
    )
    drain(node)
    child = WorkflowRun.objects.get(parent_run_id=run).id
    assert (state_of(run), error_of(run)["class"]) == ("FAILED", "WorkflowFailed")
    (task,) = step_of(child, "deep").task_ids
    repeats = retry(child, task_ids=[task], payloads={task: {"fixed": True}})
    assert list(repeats) == [task]
    drain(node)
    assert (state_of(child), state_of(run)) == ("COMPLETED", "COMPLETED")
    assert WorkflowRun.objects.filter(parent_run_id=run).count() == 1


def test_a_retry_refuses_tasks_and_payloads_that_do_not_fit(node: int) -> None:
    run = run_steps({"key": "a"}, {"key": "b", "dependsOn": ["a"]})
    with pytest.raises(Conflict, match="RUNNING"):
        retry(run)
    cancel(run)
    (ended,) = step_of(run, "a").task_ids
    other = run_steps({"key": "a"}, name="other")
    with pytest.raises(Conflict, match="does not repeat the task"):
        retry(run, task_ids=step_of(other, "a").task_ids)
    with pytest.raises(Invalid):
        retry(run, payloads={ended: {"x": float("nan")}})
    assert state_of(run) == "CANCELLED"
    with pytest.raises(NotFound):
        runs.retry_run(workspace_id=other_workspace().id, run_id=run, actor=SYSTEM)


def test_an_edited_input_is_a_run_of_its_own(node: int) -> None:
    workflow = define({"key": "a", "payload": {"n": "{{ input.n }}"}})
    first = execute(workflow, {"n": 1})
    second = execute(workflow, {"n": 2}, rerun_of=first)
    assert WorkflowRun.objects.get(id=second).rerun_of == first
    assert payloads_of(second, "a") == [{"n": 2}]
    with pytest.raises(NotFound):
        execute(workflow, {"n": 3}, rerun_of=workflow)


def test_a_retry_leaves_alone_what_ran_in_spite_of_a_failure(node: int) -> None:
    run = run_steps(
        {"key": "loose", "payload": FAIL, "onFailure": "continue"},
        {"key": "after", "dependsOn": ["loose"]},
        {"key": "breaks", "dependsOn": ["after"], "payload": FAIL},
    )
    drain(node)
    (first,) = step_of(run, "after").task_ids
    loose, breaks = (step_of(run, key).task_ids[0] for key in ("loose", "breaks"))
    repeats = retry(run, payloads={loose: {}, breaks: {}})
    assert set(repeats) == {loose, breaks}
    drain(node)
    assert state_of(run) == "COMPLETED"
    assert set(states_of(run).values()) == {"COMPLETED"}
    assert step_of(run, "after").task_ids == [first]
