"""Starting runs, and moving them on."""

from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import OperationalError, connection, transaction

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import Conflict, Invalid, NotFound, Unavailable
from controlplane.core.ids import uuid7
from controlplane.core.values import check_json_value
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.rights import RUN_WORKFLOWS, SUBMIT_TASKS, require_scopes
from controlplane.workspaces.services import record_audit
from tasks_app.services import cancel_tasks, hash_body, store_or_get_response
from workflows.definitions import check_input, load_definition
from workflows.models import RunStep, WorkflowRun
from workflows.selectors import get_run, get_version, get_workflow
from workflows.selectors.scopes import worker_budget
from workflows.services.course import Course, begin_run
from workflows.services.deferring import is_deferred, start_deferred
from workflows.services.ends import completed, end_of, failed
from workflows.services.opening import Allowance, open_run
from workflows.services.stopping import stop
from workflows.states import OPEN_STEPS, RunState, StepKind, StepState

_LONGEST_COMMENT = 2_000
LOCK_TIMEOUT = "2s"


def check_execution(
    *,
    workspace_id: UUID,
    workflow_id: UUID | str,
    input: Any,  # noqa: A002 - the word of the API
) -> None:
    """What execute_workflow checks of an input. Raises NotFound, TooLarge, Invalid."""
    workflow = get_workflow(workspace_id, workflow_id)
    check_input(load_definition(get_version(workflow)), {} if input is None else input)


def execute_workflow(
    *,
    workspace_id: UUID,
    workflow_id: UUID | str,
    input: Any,  # noqa: A002 - the word of the API
    actor: Actor,
    rerun_of: UUID | None = None,
    key: str | None = None,
) -> tuple[WorkflowRun, bool]:
    """Start a run of the newest version, and whether it is new: the same `key` gives the first
    answer again. `rerun_of` is the run whose input this one edits.

    Raises NotFound, TooLarge, Invalid for an input that breaks the schema, Conflict for a key that
    was used for another body, and Forbidden when the actor's key may not submit tasks.
    """
    require_scopes(actor, RUN_WORKFLOWS, SUBMIT_TASKS)
    value = {} if input is None else input
    config = settings.TASKPLANE
    check_json_value(
        value,
        max_bytes=config["PAYLOAD_MAX_BYTES"],
        max_depth=config["JSON_MAX_DEPTH"],
        field="input",
    )
    with transaction.atomic():
        workflow = get_workflow(workspace_id, workflow_id)
        if rerun_of is not None:
            get_run(workspace_id, rerun_of)
        run_id = uuid7()
        if key is not None:
            first = store_or_get_response(
                workspace_id=workspace_id,
                key=key,
                body_hash=hash_body("workflow.run", workflow.id, value, rerun_of),
                answer={"runId": str(run_id)},
            )
            if first is not None:
                return _first_answer(workspace_id, UUID(first["runId"])), False
        run = open_run(workflow, value, id=run_id, started_by=actor.label, rerun_of=rerun_of)
        audit_run(run, actor, "workflow.execute", version=run.version.version)
        begin_run(run)
    return get_run(workspace_id, run_id), True


def advance_run(
    run_id: UUID,
    step_key: str,
    *,
    workspace_id: UUID | None = None,
    join_id: UUID | None = None,
) -> bool:
    """Close an open step whose work has ended, and start what waited for it: one transaction.

    Whoever asks, and however often: a step that is closed, or not to be closed yet, is left alone.
    `join_id` is the join that asks: its worker may evaluate what a request leaves to it. Returns
    whether this call closed the step, or started what was left to the join.
    """
    allowance = Allowance(budget=worker_budget(), may_defer=False) if join_id else Allowance()
    with transaction.atomic():
        course = Course.lock(run_id, workspace_id=workspace_id, allowance=allowance)
        if course is None or course.run.state != RunState.RUNNING:
            return False
        step = RunStep.objects.filter(run_id=run_id, key=step_key).defer("result").first()
        if step is None or step.state not in OPEN_STEPS:
            return False
        if is_deferred(step):
            return start_deferred(course, step, join_id)
        end = end_of(
            course.run,
            step,
            course.definition.by_key[step_key],
            stopping=course.stopping,
            join_id=join_id,
        )
        if end is None:
            return False
        course.go_on(ends=[end])
        return True


def cancel_run(*, workspace_id: UUID, run_id: UUID, actor: Actor) -> WorkflowRun:
    """Stop a run: nothing starts any more, what waits is cancelled, what runs is asked to stop. The
    run is CANCELLED when no step is open. Cancelling it twice is once.

    Raises NotFound, Conflict when it has ended, Unavailable while a worker holds it for long.
    """
    with transaction.atomic():
        course = _lock(workspace_id, run_id)
        if course.run.state != RunState.RUNNING:
            raise Conflict(f"The run has already ended: it is {course.run.state}.")
        if course.run.cancel_requested_at is None:
            course.run.cancel_requested_at = now()
            stop(course, ask_running=True, actor=actor)
            course.save()
            audit_run(course.run, actor, "workflow.cancel")
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

    Raises NotFound, Invalid for a comment too long, Conflict when it does not wait for anybody,
    Unavailable while a worker holds the run for long, and Forbidden when an approval comes from a
    key that may not submit the next steps' tasks.
    """
    require_scopes(actor, RUN_WORKFLOWS, *([SUBMIT_TASKS] if approve else []))
    if len(comment) > _LONGEST_COMMENT or "\0" in comment:
        message = f"At most {_LONGEST_COMMENT} characters, without NUL."
        raise Invalid(errors=[{"field": "comment", "message": message}])
    with transaction.atomic():
        course = _lock(workspace_id, run_id)
        step = RunStep.objects.filter(run_id=run_id, key=step_key).defer("result").first()
        if step is None:
            raise NotFound(f"The run {run_id} has no step {step_key!r}.")
        if course.definition.by_key[step_key].kind != StepKind.APPROVAL:
            raise Conflict(f"The step {step_key!r} waits for nobody's decision.")
        if step.state != StepState.WAITING or is_deferred(step):
            raise Conflict(f"The step {step_key!r} cannot be decided: it is {step.state}.")
        audit_run(
            course.run,
            actor,
            "workflow.approve" if approve else "workflow.reject",
            step=step_key,
            comment=comment,
        )
        _decide(course, step_key, approve=approve, comment=comment, actor=actor)
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


def _decide(course: Course, key: str, *, approve: bool, comment: str, actor: Actor) -> None:
    if approve:
        answer = {"approved": True, "by": actor.label, "comment": comment, "at": utc_z(now())}
        end = completed(key, answer, decided_by=actor.label)
    else:
        said = f": {comment}" if comment else "."
        message = f"{actor.label} rejected it{said}"
        end = failed(key, "Rejected", message, "UNKNOWN", decided_by=actor.label)
    course.go_on(ends=[end])


def _lock(workspace_id: UUID, run_id: UUID) -> Course:
    """A worker may hold the run for as long as it evaluates expressions: a request does not wait
    for that, since others wait for its connection."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
            course = Course.lock(run_id, workspace_id=workspace_id)
            cursor.execute("SELECT set_config('lock_timeout', '0', true)")
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        message = "A worker is starting steps of this run. Try again in a moment."
        raise Unavailable(message) from error
    if course is None:
        raise NotFound(f"There is no workflow run {run_id}.")
    return course


def _first_answer(workspace_id: UUID, run_id: UUID) -> WorkflowRun:
    try:
        return get_run(workspace_id, run_id)
    except NotFound as error:
        raise Conflict(
            "The idempotency key was used for a run that is removed. Use a new key."
        ) from error
