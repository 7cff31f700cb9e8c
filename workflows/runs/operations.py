"""Operations on runs: start, advance, cancel, decide."""

from typing import Any
from uuid import UUID

import psycopg
from django.db import OperationalError, connection, transaction

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import Conflict, Invalid, NotFound, Unavailable
from controlplane.core.ids import uuid7
from controlplane.core.values import check_payload_value
from controlplane.workspaces.actors import RUN_WORKFLOWS, SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.services import record_audit
from tasks_app.services import cancel_tasks
from workflows.definitions import check_input, load_definition
from workflows.models import RunStep, WorkflowRun
from workflows.queries import get_run, get_version, get_workflow
from workflows.queries.scopes import make_worker_budget
from workflows.runs.creation import CreationBudget, open_run
from workflows.runs.state_machine import RunStateMachine, begin_run
from workflows.runs.stopping import stop
from workflows.runs.submission import is_deferred, start_deferred
from workflows.schema.runs import MAX_COMMENT_LENGTH
from workflows.states import OPEN_STEPS, RunState, StepKind, StepState
from workflows.steps.ends import completed, end_of, failed

LOCK_TIMEOUT = "2s"


def check_execution(
    *,
    workspace_id: UUID,
    workflow_id: UUID | str,
    input: Any,  # noqa: A002 - the word of the API
) -> None:
    """The checks of execute_workflow for an input. Raises NotFound, TooLarge, Invalid."""
    workflow = get_workflow(workspace_id, workflow_id)
    check_input(load_definition(get_version(workflow)), {} if input is None else input)


def execute_workflow(
    *,
    workspace_id: UUID,
    workflow_id: UUID | str,
    input: Any,  # noqa: A002 - the word of the API
    actor: Actor,
    rerun_of: UUID | None = None,
) -> WorkflowRun:
    """Start a run of the newest version. `rerun_of` is the run whose input this one edits.

    Raises NotFound, TooLarge, Invalid for an input that breaks the schema, and Forbidden when the
    actor's key may not submit tasks.
    """
    require_scopes(actor, RUN_WORKFLOWS, SUBMIT_TASKS)
    value = {} if input is None else input
    check_payload_value(value, field="input")
    with transaction.atomic():
        workflow = get_workflow(workspace_id, workflow_id)
        if rerun_of is not None:
            get_run(workspace_id, rerun_of)
        run = open_run(workflow, value, id=uuid7(), started_by=actor.label, rerun_of=rerun_of)
        audit_run(run, actor, "workflow.execute", version=run.version.version)
        begin_run(run)
    return run


def get_started(workspace_id: UUID, run_id: UUID, *, actor: Actor) -> WorkflowRun:
    """The run that a call, or the first one under its idempotency key, started.

    Raises Conflict when it was removed, Forbidden when the actor's key could not have started it.
    """
    require_scopes(actor, RUN_WORKFLOWS, SUBMIT_TASKS)
    try:
        return get_run(workspace_id, run_id)
    except NotFound as error:
        raise Conflict(
            "The idempotency key was used for a run that was removed. Use a new key."
        ) from error


def advance_run(
    run_id: UUID,
    step_key: str,
    *,
    workspace_id: UUID | None = None,
    join_id: UUID | None = None,
) -> bool:
    """Close an open step whose work has ended, and start what waited for it, in one transaction.

    Safe to call at any time, by anybody: a step that is closed, or cannot be closed yet, is left
    alone. `join_id` is the join that calls: its worker may evaluate what a request leaves to it.
    Returns whether this call closed the step, or started what was left to the join.
    """
    creation_budget = CreationBudget()
    if join_id:
        creation_budget = CreationBudget(expressions=make_worker_budget(), may_defer=False)
    with transaction.atomic():
        machine = RunStateMachine.lock(
            run_id, workspace_id=workspace_id, creation_budget=creation_budget
        )
        if machine is None or machine.run.state != RunState.RUNNING:
            return False
        step = RunStep.objects.filter(run_id=run_id, key=step_key).defer("result").first()
        if step is None or step.state not in OPEN_STEPS:
            return False
        if is_deferred(step):
            return start_deferred(machine, step, join_id)
        end = end_of(
            machine.run,
            step,
            machine.definition.by_key[step_key],
            stop_reason=machine.stop_reason,
            join_id=join_id,
        )
        if end is None:
            return False
        machine.advance(ends=[end])
        return True


def cancel_run(*, workspace_id: UUID, run_id: UUID, actor: Actor) -> WorkflowRun:
    """Stop a run: nothing starts any more, waiting tasks are cancelled, running tasks are asked to
    stop. The run is CANCELLED when no step is open. A second call changes nothing.

    Raises NotFound, Conflict when it has ended, Unavailable while a worker holds it for long.
    """
    with transaction.atomic():
        machine = _lock(workspace_id, run_id)
        if machine.run.state != RunState.RUNNING:
            raise Conflict(f"The run has already ended: it is {machine.run.state}.")
        if machine.run.cancel_requested_at is None:
            machine.run.cancel_requested_at = now()
            stop(machine, interrupt_running=True, actor=actor)
            machine.save()
            audit_run(machine.run, actor, "workflow.cancel")
    return get_run(workspace_id, run_id)


def decide_step(
    *,
    workspace_id: UUID,
    run_id: UUID,
    step_key: str,
    approve: bool,
    comment: str,
    actor: Actor,
) -> WorkflowRun:
    """Approve a step that waits for a person, or reject it: then it fails.

    Raises NotFound, Invalid for a comment too long, Conflict when it awaits no decision,
    Unavailable while a worker holds the run for long, and Forbidden when an approval comes from a
    key that may not submit the next steps' tasks.
    """
    require_scopes(actor, RUN_WORKFLOWS, *([SUBMIT_TASKS] if approve else []))
    if len(comment) > MAX_COMMENT_LENGTH or "\0" in comment:
        message = f"At most {MAX_COMMENT_LENGTH} characters, without NUL."
        raise Invalid(errors=[{"field": "comment", "message": message}])
    with transaction.atomic():
        machine = _lock(workspace_id, run_id)
        step = RunStep.objects.filter(run_id=run_id, key=step_key).defer("result").first()
        if step is None:
            raise NotFound(f"The run {run_id} has no step {step_key!r}.")
        if machine.definition.by_key[step_key].kind != StepKind.APPROVAL:
            raise Conflict(f"The step {step_key!r} is not an approval.")
        if step.state != StepState.WAITING or is_deferred(step):
            raise Conflict(f"The step {step_key!r} cannot be decided: it is {step.state}.")
        audit_run(
            machine.run,
            actor,
            "workflow.approve" if approve else "workflow.reject",
            step=step_key,
            comment=comment,
        )
        _decide(machine, step_key, approve=approve, comment=comment, actor=actor)
        if step.join_id:
            cancel_tasks(
                workspace_id=workspace_id, ids=[step.join_id], actor=actor, ask_running=False
            )
    return get_run(workspace_id, run_id)


def audit_run(run: WorkflowRun, actor: Actor, action: str, **detail: Any) -> None:
    """Write who did what to a run, in the open transaction."""
    record_audit(
        workspace=run.workspace_id,
        actor=actor,
        action=action,
        target_type="workflow_run",
        target_id=str(run.id),
        detail={"workflow": run.workflow.name, **detail},
    )


def _decide(
    machine: RunStateMachine, key: str, *, approve: bool, comment: str, actor: Actor
) -> None:
    if approve:
        answer = {"approved": True, "by": actor.label, "comment": comment, "at": utc_z(now())}
        end = completed(key, answer, decided_by=actor.label)
    else:
        message = f"{actor.label} rejected it{f': {comment}' if comment else '.'}"
        end = failed(key, "Rejected", message, "UNKNOWN", decided_by=actor.label)
    machine.advance(ends=[end])


def _lock(workspace_id: UUID, run_id: UUID) -> RunStateMachine:
    """A worker may hold the run for as long as it evaluates expressions: a request does not wait
    for that, since others wait for its connection."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
            machine = RunStateMachine.lock(run_id, workspace_id=workspace_id)
            cursor.execute("SELECT set_config('lock_timeout', '0', true)")
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        message = "A worker is starting steps of this run. Try again in a moment."
        raise Unavailable(message) from error
    if machine is None:
        raise NotFound(f"There is no workflow run {run_id}.")
    return machine
