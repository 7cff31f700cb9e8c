"""Letters of workflow steps: their runs are retried, once for all of their letters."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from controlplane.core.errors import Conflict, Invalid
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq import bulk, discard, replays, reprocess
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, ReplayTask
from dlq.replay_driver import ReplayDriver
from dlq.reprocess_tasks import Changes, reprocess_in_transaction
from tasks_app.models import Task
from tests.manual_worker import register_node
from tests.workflow_worker import define, drain, run_steps, state_of, step_of
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db

FAIL = {"fail": True}
FIXED = {"fixed": True}
EACH: dict[str, Any] = {
    "key": "each",
    "forEach": "{{ input.l }}",
    "payload": {"fail": "{{ item }}"},
}


@pytest.fixture
def node() -> int:
    return register_node()


def failed_run(node: int, *fails: bool) -> UUID:
    name = f"flow {WorkflowRun.objects.count()}"
    steps = (EACH, {"key": "after", "dependsOn": ["each"]})
    run = run_steps(*steps, value={"l": list(fails)}, name=name)
    drain(node)
    assert state_of(run) == "FAILED"
    return run


def test_a_step_is_reprocessed_by_retrying_its_run(
    node: int, workspace: Workspace, ada: Actor
) -> None:
    run = failed_run(node, False, True)
    letter = DeadLetter.objects.get()
    assert (letter.workflow_run_id, letter.step_key) == (run, "each")
    with pytest.raises(Invalid, match="maxAttempts"):
        reprocess.reprocess_letter(
            workspace_id=workspace.id, letter_id=letter.id, actor=ada, max_attempts=2
        )
    after = reprocess.reprocess_letter(
        workspace_id=workspace.id, letter_id=letter.id, actor=ada, payload=FIXED
    )
    assert (after.status, after.resolved_by) == ("REPROCESSED", "ada")
    assert after.reprocessed_task_id == step_of(run, "each").task_ids[1]
    assert Task.objects.get(id=after.reprocessed_task_id).payload == FIXED
    assert state_of(run) == "RUNNING"
    drain(node)
    assert state_of(run) == "COMPLETED"
    event = AuditEvent.objects.get(action="dlq.reprocess")
    assert event.detail["payload"]["added"] == {"fixed": "true"}


def test_all_letters_of_a_run_are_closed_by_its_one_retry(
    node: int, workspace: Workspace, ada: Actor
) -> None:
    run = failed_run(node, True, True)
    first, second = DeadLetter.objects.order_by("id")
    reprocess.reprocess_letter(workspace_id=workspace.id, letter_id=first.id, actor=ada)
    second.refresh_from_db()
    assert (second.status, second.resolved_by) == ("REPROCESSED", "ada")
    with pytest.raises(Conflict, match="was reprocessed by ada"):
        reprocess.reprocess_letter(workspace_id=workspace.id, letter_id=second.id, actor=ada)
    assert Task.objects.filter(workflow_run_id=run, reprocess_of__isnull=False).count() == 2


def test_an_action_takes_each_run_once(node: int, workspace: Workspace, ada: Actor) -> None:
    runs = [failed_run(node, True, True), failed_run(node, True, False)]
    done = bulk.act_on_letters(
        workspace_id=workspace.id,
        action="reprocess",
        letter_filter=LetterFilter(everything=True),
        actor=ada,
        payload=FIXED,
    )
    assert (done.matched, done.changed, done.refusals) == (3, 3, {})
    drain(node)
    assert [state_of(run) for run in runs] == ["COMPLETED", "COMPLETED"]


def test_a_closed_letter_does_not_keep_the_others_of_its_run(
    node: int, workspace: Workspace, ada: Actor
) -> None:
    run = failed_run(node, True, True)
    closed, still_open = DeadLetter.objects.order_by("id")
    discard.discard_letter(workspace_id=workspace.id, letter_id=closed.id, reason="paid", actor=ada)
    done = reprocess_in_transaction(
        workspace_id=workspace.id, ids=[closed.id, still_open.id], changes=Changes(), actor=ada
    )
    assert "discarded by ada: paid" in done.refused[closed.id].detail
    assert list(done.tasks) == [still_open.id]
    assert state_of(run) == "RUNNING"


@pytest.mark.parametrize("letters", [1, 2])
def test_a_letter_that_is_discarded_while_its_run_is_retried_is_refused(
    node: int, workspace: Workspace, ada: Actor, letters: int
) -> None:
    run = failed_run(node, *[True] * letters)
    lost, *others = DeadLetter.objects.order_by("id")
    with connection.execute_wrapper(discard_before_the_run_is_locked(lost, ada)):
        done = reprocess_in_transaction(
            workspace_id=workspace.id,
            ids=[letter.id for letter in (lost, *others)],
            changes=Changes(),
            actor=ada,
        )
    assert list(done.refused) == [lost.id]
    assert "discarded by ada: in between" in done.refused[lost.id].detail
    assert list(done.tasks) == [letter.id for letter in others]
    # By itself it was the only reason to retry the run.
    assert state_of(run) == ("RUNNING" if others else "FAILED")


def discard_before_the_run_is_locked(letter: DeadLetter, actor: Actor) -> Any:
    state = {"armed": True}

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if state["armed"] and "workflows_workflowrun" in sql and "FOR " in sql:
            state["armed"] = False
            discard.discard_letter(
                workspace_id=letter.workspace_id,
                letter_id=letter.id,
                reason="in between",
                actor=actor,
            )
        return execute(sql, params, many, context)

    return wrapper


def test_runs_below_one_run_are_retried_together(
    node: int, workspace: Workspace, ada: Actor
) -> None:
    define({"key": "deep", "payload": FAIL}, name="child")
    sub = {"type": "workflow", "payload": {"workflow": "child"}, "onFailure": "continue"}
    top = run_steps(
        {"key": "a", **sub},
        {"key": "b", **sub},
        {"key": "c", "dependsOn": ["a", "b"], "payload": FAIL},
    )
    drain(node)
    assert DeadLetter.objects.filter(status="OPEN").count() == 3
    done = bulk.act_on_letters(
        workspace_id=workspace.id,
        action="reprocess",
        letter_filter=LetterFilter(everything=True),
        actor=ada,
    )
    assert (done.matched, done.changed) == (3, 3)
    assert state_of(top) == "RUNNING"
    assert WorkflowRun.objects.count() == 3


def test_a_run_that_has_not_failed_refuses_its_letter(
    node: int, workspace: Workspace, ada: Actor
) -> None:
    """A failure that is passed over leaves a letter; there is nothing to run again."""
    run = run_steps({"key": "a", "payload": FAIL, "onFailure": "continue"})
    drain(node)
    assert state_of(run) == "COMPLETED"
    letter = DeadLetter.objects.get()
    with pytest.raises(Conflict, match="is COMPLETED. If .*, discard the letter"):
        reprocess.reprocess_letter(workspace_id=workspace.id, letter_id=letter.id, actor=ada)
    letter.refresh_from_db()
    assert letter.status == "OPEN"


def test_a_replay_takes_each_run_once(node: int, workspace: Workspace, ada: Actor) -> None:
    """Its letters go together, although the stage has room for one."""
    run, other = failed_run(node, True, True, True), failed_run(node, True)
    replay = replays.start_replay(
        workspace_id=workspace.id,
        letter_filter=LetterFilter(everything=True),
        actor=ada,
        payload=FIXED,
        stages=(1,),
    )
    ReplayDriver().drive()
    replay.refresh_from_db()
    assert (replay.submitted, replay.skipped) == (3, 0)
    assert (state_of(run), state_of(other)) == ("RUNNING", "FAILED")
    for _ in range(4):
        drain(node)
        ReplayDriver().drive()
    replay.refresh_from_db()
    assert (replay.state, replay.submitted, replay.succeeded, replay.skipped) == (
        "COMPLETED",
        4,
        4,
        0,
    )
    assert (state_of(run), state_of(other)) == ("COMPLETED", "COMPLETED")
    assert ReplayTask.objects.filter(replay=replay).count() == 4
