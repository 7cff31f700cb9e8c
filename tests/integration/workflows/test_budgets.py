"""What costs more than a request may spend is evaluated by a worker, under one budget."""

from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tests.clients import key_client
from tests.workflow_worker import (
    define,
    drain,
    execute,
    join,
    payloads_of,
    run_steps,
    state_of,
    states_of,
    step_of,
    work,
)
from workflows import queries, runs
from workflows.language import Budget
from workflows.models import WorkflowRun
from workflows.repair import close_stuck_steps

pytestmark = pytest.mark.django_db
COSTLY = "{{ input.l.map(x, x + x).size() }}"
LONG = {"l": list(range(3_900))}  # an evaluation is 243 million bytes by the estimate


@pytest.fixture
def charged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What evaluations were allowed, as it is noted."""
    amounts: list[int] = []
    charge = Budget.charge

    def note(budget: Budget, work: int) -> None:
        charge(budget, work)
        amounts.append(work)

    monkeypatch.setattr(Budget, "charge", note)
    return amounts


def cancel_joins(run: UUID) -> None:
    Task.objects.filter(type="workflow-join", payload__runId=str(run)).update(
        state="CANCELLED", finished_at="2026-01-01T00:00:00Z"
    )


def test_a_request_leaves_costly_expressions_to_a_worker(node: int, charged: list[int]) -> None:
    run = run_steps(
        {"key": "cheap", "payload": {"n": "{{ size(input.l) }}"}},
        {"key": "costly", "payload": {"n": COSTLY}},
        {"key": "after", "dependsOn": ["costly"], "payload": {"n": "{{ steps.costly.result.n }}"}},
        value=LONG,
    )
    assert max(charged) < 1_000_000
    assert states_of(run) == {"cheap": "RUNNING", "costly": "WAITING", "after": "PENDING"}
    shown = key_client("viewer").get(f"/workflows/runs/{run}").json()["steps"][1]
    assert (shown["status"], shown["reason"]["code"]) == ("WAITING", "EVALUATION")
    drain(node)
    assert state_of(run) == "COMPLETED"
    assert max(charged) > 200_000_000
    assert step_of(run, "after").result == {"n": 3_900}
    assert step_of(run, "costly").reason is None


def test_all_expressions_of_a_start_share_one_budget(
    node: int, charged: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.queries.scopes.MAX_WORK", 600_000_000)
    fifty = {f"n{number}": COSTLY for number in range(50)}
    run = run_steps(
        {"key": "a", "payload": {"n": COSTLY}, "onFailure": "continue"},
        {"key": "b", "payload": fifty, "onFailure": "continue"},
        {"key": "c", "when": "input.l.map(x, x + x).size() > 0", "onFailure": "continue"},
        {"key": "d", "forEach": "input.l.map(x, x + x)", "onFailure": "continue"},
        value=LONG,
    )
    assert charged == []
    assert set(states_of(run).values()) == {"WAITING"}
    assert Task.objects.filter(type="workflow-join").count() == 1
    join(node)
    assert sum(charged) <= 600_000_000
    assert states_of(run) == {"a": "RUNNING", "b": "FAILED", "c": "FAILED", "d": "FAILED"}
    for key in "bcd":
        assert step_of(run, key).error["class"] == "TooSlow"  # type: ignore[index]
    drain(node)
    assert state_of(run) == "COMPLETED"


def test_every_kind_of_step_can_be_left_to_a_worker(node: int) -> None:
    define({"key": "x", "payload": {"v": "{{ input.v }}"}}, name="child")
    run = run_steps(
        {"key": "each", "forEach": "input.l.map(x, x + x).size() > 0 ? [0, 2] : []",
         "payload": {"i": "{{ item }}"}},
        {"key": "no", "when": "input.l.map(x, x + x).size() == 0"},
        {"key": "wait", "type": "wait",
         "payload": {"seconds": "{{ 0 * input.l.map(x, x).size() }}"}},
        {"key": "ask", "type": "approval",
         "payload": {"message": "{{ string(input.l.map(x, x + x).size()) }}"}},
        {"key": "sub", "type": "workflow",
         "payload": {"workflow": "child", "input": {"v": COSTLY}}},
        {"key": "wrong", "payload": {"v": "{{ input.l.map(x, x + x).size() / 0 }}"},
         "onFailure": "continue"},
        {"key": "end", "dependsOn": ["each", "no", "wait", "ask", "sub", "wrong"]},
        value=LONG,
    )  # fmt: skip
    steps = queries.describe_run(queries.get_run(get_default_workspace_id(), run)).steps
    assert {step.state for step in steps if step.key != "end"} == {"WAITING"}
    with pytest.raises(Conflict):
        decide(run, "ask")
    join(node)
    assert states_of(run) == {
        "each": "RUNNING", "no": "SKIPPED", "wait": "COMPLETED", "ask": "WAITING",
        "sub": "RUNNING", "wrong": "FAILED", "end": "PENDING",
    }  # fmt: skip
    assert step_of(run, "no").reason["code"] == "CONDITION"  # type: ignore[index]
    assert step_of(run, "ask").reason["message"] == "3900"  # type: ignore[index]
    assert payloads_of(run, "each") == [{"i": 0}, {"i": 2}]
    decide(run, "ask")
    drain(node)
    assert state_of(run) == "COMPLETED"
    assert step_of(run, "sub").result == {"x": {"v": 3_900}}


def decide(run: UUID, key: str) -> None:
    runs.decide_step(
        workspace_id=get_default_workspace_id(),
        run_id=run,
        step_key=key,
        approve=True,
        comment="",
        actor=SYSTEM,
    )


def test_a_run_is_cancelled_and_retried_while_a_worker_is_to_evaluate(node: int) -> None:
    workspace_id = get_default_workspace_id()
    run = run_steps({"key": "a", "payload": {"n": COSTLY}}, {"key": "b"}, value=LONG)
    runs.cancel_run(workspace_id=workspace_id, run_id=run, actor=SYSTEM)
    assert (state_of(run), states_of(run)) == ("CANCELLED", {"a": "CANCELLED", "b": "CANCELLED"})
    assert not Task.objects.filter(type="workflow-join", state="PENDING").exists()
    runs.retry_run(workspace_id=workspace_id, run_id=run, actor=SYSTEM)
    assert states_of(run)["a"] == "WAITING"
    drain(node)
    assert (state_of(run), step_of(run, "a").result) == ("COMPLETED", {"n": 3_900})


def test_every_door_leaves_them_to_a_worker(node: int, charged: list[int]) -> None:
    client: APIClient = key_client("operator")
    workflow = define({"key": "a", "payload": {"n": COSTLY}})
    first = client.post(f"/workflows/{workflow}/execute", {"input": LONG}).json()["runId"]
    again = client.post(f"/workflows/runs/{first}/rerun", {}).json()["runId"]
    job = {"name": "job", "schedule": "@daily", "workflowId": str(workflow), "payload": LONG}
    made = client.post("/cron/jobs", job).json()["id"]
    fired = client.post(f"/cron/jobs/{made}/trigger").json()["runId"]
    assert charged == []
    drain(node)
    assert [state_of(UUID(run)) for run in (first, again, fired)] == ["COMPLETED"] * 3


def test_a_step_whose_evaluation_is_gone_fails(node: int) -> None:
    run = run_steps({"key": "a", "payload": {"n": COSTLY}}, {"key": "b"}, value=LONG)
    close_stuck_steps()
    assert states_of(run)["a"] == "WAITING"
    cancel_joins(run)
    close_stuck_steps()
    assert states_of(run)["a"] == "FAILED"
    assert step_of(run, "a").error["class"] == "NotEvaluated"  # type: ignore[index]
    runs.retry_run(workspace_id=get_default_workspace_id(), run_id=run, actor=SYSTEM)
    drain(node)
    assert state_of(run) == "COMPLETED"


def test_a_stale_join_starts_nothing(node: int) -> None:
    run = run_steps({"key": "a", "payload": {"n": COSTLY}}, value=LONG)
    stale = Task.objects.get(type="workflow-join").id
    runs.cancel_run(workspace_id=get_default_workspace_id(), run_id=run, actor=SYSTEM)
    runs.retry_run(workspace_id=get_default_workspace_id(), run_id=run, actor=SYSTEM)
    assert not runs.advance_run(run, "a", join_id=stale)
    assert states_of(run) == {"a": "WAITING"}
    drain(node)
    assert not runs.advance_run(run, "a", join_id=stale)
    assert state_of(run) == "COMPLETED"


def test_a_run_below_is_left_to_a_worker_too(node: int) -> None:
    define({"key": "x", "payload": {"n": COSTLY}}, name="child")
    payload: dict[str, Any] = {"workflow": "child", "input": "{{ input }}"}
    run = run_steps({"key": "sub", "type": "workflow", "payload": payload}, value=LONG)
    child = WorkflowRun.objects.get(parent_run_id=run)
    assert (states_of(run), states_of(child.id)) == ({"sub": "RUNNING"}, {"x": "WAITING"})
    drain(node)
    assert state_of(run) == "COMPLETED"


def test_dependents_of_a_decision_are_left_to_a_worker(node: int, charged: list[int]) -> None:
    workflow = define(
        {"key": "ask", "type": "approval"},
        {"key": "a", "dependsOn": ["ask"], "payload": {"n": COSTLY}},
    )
    run = execute(workflow, LONG)
    decide(run, "ask")
    assert charged == []
    assert states_of(run) == {"ask": "COMPLETED", "a": "WAITING"}
    assert work(node) == 0
    drain(node)
    assert state_of(run) == "COMPLETED"


def test_compiling_counts_too(node: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.queries.scopes.MAX_INLINE_SECONDS", 0)
    run = run_steps(
        {"key": "a", "payload": {"n": "{{ input.n }}"}},
        {"key": "b", "when": "false"},
        {"key": "c", "dependsOn": ["a", "b"], "payload": {"n": "{{ steps.a.result.n }}"}},
        value={"n": 1},
    )
    assert states_of(run) == {"a": "WAITING", "b": "WAITING", "c": "PENDING"}
    assert Task.objects.filter(type="workflow-join").count() == 1
    drain(node)
    assert (state_of(run), step_of(run, "c").result) == ("COMPLETED", {"n": 1})


def test_a_missing_worker_is_the_reason() -> None:
    run = run_steps({"key": "a", "payload": {"n": COSTLY}}, value=LONG)
    (step,) = queries.describe_run(queries.get_run(get_default_workspace_id(), run)).steps
    assert step.reason is not None
    assert step.reason["code"] == "NO_WORKER"
