"""Steps that wait: for a time, or for a person's decision."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, NotFound
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.models import Task
from tests.clients import other_workspace
from tests.workflow_worker import (
    drain,
    payloads_of,
    run_steps,
    state_of,
    states_of,
    step_of,
    view,
)
from workflows import runs
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


def test_a_wait_opens_when_its_time_has_come(node: int) -> None:
    run = run_steps(
        {"key": "rest", "type": "wait", "payload": {"seconds": "{{ input.s }}"}},
        {"key": "after", "dependsOn": ["rest"]},
        value={"s": 3600},
    )
    step = step_of(run, "rest")
    assert step.state == "WAITING"
    assert abs(step.wait_until - now() - timedelta(hours=1)) < timedelta(minutes=1)  # type: ignore[operator]
    assert view(run).steps[0].reason["code"] == "TIME"  # type: ignore[index]
    assert not runs.advance_run(run, "rest")
    drain(node)
    assert state_of(run) == "RUNNING"
    assert runs.advance_run(run, "rest", join_id=step.join_id)
    drain(node)
    assert state_of(run) == "COMPLETED"


def test_a_wait_that_is_over_does_not_wait() -> None:
    until = (now() - timedelta(seconds=1)).isoformat()
    run = run_steps({"key": "rest", "type": "wait", "payload": {"until": until}})
    assert state_of(run) == "COMPLETED"


def decide(run: UUID, *, approve: bool, comment: str = "") -> WorkflowRun:
    return runs.decide_step(
        workspace_id=get_default_workspace_id(),
        run_id=run,
        step_key="ask",
        approve=approve,
        comment=comment,
        actor=SYSTEM,
    )


def ask(timeout: int | None = None) -> UUID:
    payload: dict[str, Any] = {"message": "Ship {{ input.what }}?"}
    if timeout:
        payload["timeoutSeconds"] = timeout
    return run_steps(
        {"key": "ask", "type": "approval", "payload": payload},
        {"key": "ship", "dependsOn": ["ask"], "payload": {"by": "{{ steps.ask.result.by }}"}},
        value={"what": "it"},
    )


def test_an_approval_lets_the_run_go_on(node: int) -> None:
    run = ask(timeout=3600)
    waits = view(run).steps[0]
    assert (waits.state, waits.reason) == (
        "WAITING", {"code": "APPROVAL", "message": "Ship it?"},
    )  # fmt: skip
    decide(run, approve=True, comment="go")
    step = step_of(run, "ask")
    assert (step.state, step.decided_by, step.result["comment"]) == ("COMPLETED", "system", "go")
    assert Task.objects.get(id=step.join_id).state == "CANCELLED"
    drain(node)
    assert payloads_of(run, "ship") == [{"by": "system"}]
    with pytest.raises(Conflict, match="COMPLETED"):
        decide(run, approve=False)


def test_a_rejection_fails_the_step() -> None:
    run = ask()
    assert decide(run, approve=False, comment="too early").state == "FAILED"
    found = WorkflowRun.objects.get(id=run)
    assert found.error["message"] == "system rejected it: too early"  # type: ignore[index]
    assert (found.error["step"], states_of(run)["ship"]) == ("ask", "CANCELLED")  # type: ignore[index]


def test_an_approval_that_nobody_gives_in_time_fails(node: int) -> None:
    run = ask(timeout=60)
    step = step_of(run, "ask")
    runs.advance_run(run, "ask", join_id=step.join_id)
    assert step_of(run, "ask").error["class"] == "NotDecided"  # type: ignore[index]
    assert state_of(run) == "FAILED"


def test_only_an_approval_can_be_decided() -> None:
    run = run_steps({"key": "ask"})
    with pytest.raises(Conflict, match="is not an approval"):
        decide(run, approve=True)
    with pytest.raises(NotFound):
        runs.decide_step(
            workspace_id=other_workspace().id, run_id=run, step_key="ask", approve=True,
            comment="", actor=SYSTEM,
        )  # fmt: skip
