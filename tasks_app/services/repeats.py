"""Doing the work of an ended task again as a new task, changed by a person."""

from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.services import record_audit
from tasks_app.queries import get_task
from tasks_app.services.control import describe_step
from tasks_app.services.submission import submit_tasks
from tasks_app.specs import TaskSpec
from tasks_app.states import FINAL


def repeat_task(*, workspace_id: UUID, task_id: UUID, spec: TaskSpec, actor: Actor) -> UUID:
    """Submit the work of an ended task again, as `spec` has it. Its open dead letter is closed.
    Returns the new task.

    Raises NotFound; Conflict when it has not ended or belongs to a workflow run; Invalid, TooLarge.
    """
    require_scopes(actor, SUBMIT_TASKS)
    task = get_task(workspace_id, task_id)
    if task.state not in FINAL:
        raise Conflict(f"Only the work of an ended task can be repeated; this one is {task.state}.")
    if task.workflow_run_id is not None:
        raise Conflict(describe_step(task.workflow_run_id))
    if spec.reprocess_of != task_id:
        raise ValueError("the spec must name the task whose work it repeats")
    with transaction.atomic():
        (new_id,) = submit_tasks(
            workspace_id=workspace_id, specs=[spec], by=actor.label, submitter=actor.as_submitter
        )
        record_audit(
            workspace=workspace_id,
            actor=actor,
            action="task.repeat",
            target_type="task",
            target_id=task_id,
            detail={"newTask": str(new_id)},
        )
    return new_id
