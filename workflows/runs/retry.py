"""Retrying a failed or cancelled run from where it broke; what completed is kept."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict, NotFound
from controlplane.workspaces.actors import RUN_WORKFLOWS, SUBMIT_TASKS, Actor, require_scopes
from tasks_app.queries import get_states
from tasks_app.services.preparation import prepare_changes
from workflows import transitions
from workflows.models import RunStep, WorkflowRun
from workflows.queries import get_run
from workflows.queries.outcomes import get_reprocess_specs
from workflows.runs.operations import audit_run
from workflows.runs.state_machine import RunStateMachine
from workflows.states import ReasonCode, RunState, StepState
from workflows.steps.starts import Start, with_join

_RETRYABLE = (RunState.FAILED, RunState.CANCELLED)
_BROKEN = ("FAILED", "CANCELLED")


def retry_run(
    *,
    workspace_id: UUID,
    run_id: UUID,
    actor: Actor,
    task_ids: Collection[UUID] | None = None,
    payloads: Mapping[UUID, Mapping[str, Any]] | None = None,
) -> dict[UUID, UUID]:
    """Run a failed or cancelled run again from its failed and cancelled steps. What completed is
    kept. Returns the new task by the task that it replaces.

    A run below another is retried with the topmost one. `payloads` gives failed tasks another
    payload; `task_ids` and the tasks of `payloads` must be among those replaced.

    Raises NotFound, Conflict when the run has not failed or such a task is not replaced, Invalid
    and TooLarge for a payload that its type refuses, and Forbidden when the actor's key may not
    run workflows and submit tasks.
    """
    require_scopes(actor, RUN_WORKFLOWS, SUBMIT_TASKS)
    edits = dict(payloads or {})
    named = {*(task_ids or ()), *edits}
    with transaction.atomic():
        machine = RunStateMachine.lock(_find_root(workspace_id, run_id), workspace_id=workspace_id)
        if machine is None:
            raise NotFound(f"There is no workflow run {run_id}.")
        if machine.run.state not in _RETRYABLE:
            raise Conflict(
                f"Only a failed or cancelled run can be retried; the run {machine.run.id} is "
                f"{machine.run.state}."
            )
        retry = _Retry(edits, actor.label)
        retry.reopen(machine)
        if missing := sorted(named - set(retry.retried)):
            raise Conflict(
                f"A retry of the run does not repeat the task {missing[0]}, or its type refuses it."
            )
        audit_run(machine.run, actor, "workflow.retry", tasks=len(retry.retried))
    return retry.retried


def _find_root(workspace_id: UUID, run_id: UUID) -> UUID:
    """The run that has no run above it, which may be this one. Who is above whom never changes."""
    run = get_run(workspace_id, run_id)
    while run.parent_run_id is not None:
        above = WorkflowRun.objects.filter(workspace_id=workspace_id, id=run.parent_run_id).first()
        if above is None:
            break
        run = above
    return run.id


@dataclass(slots=True)
class _Retry:
    """One retry of a tree of runs."""

    edits: dict[UUID, Mapping[str, Any]]
    by: str  # the label of the actor who retries
    retried: dict[UUID, UUID] = field(default_factory=dict)  # the new task by the old one

    def reopen(self, machine: RunStateMachine) -> None:
        """Open a locked run with its broken steps, and advance it."""
        run = machine.run
        machine.retried_by = self.by
        steps = list(RunStep.objects.filter(run_id=run.id).defer("result", "error"))
        starts: list[Start] = []
        waiting: set[str] = set()
        for step in steps:
            if not _is_broken(step):
                continue
            start = self._resume_step(machine, step)
            if start is None:
                waiting.add(step.key)
            else:
                starts.append(start)
        opened = waiting | {start.key for start in starts}
        counts = {
            step.key: sum(parent in opened for parent in step.depends_on)
            for step in machine.definition.steps
            if step.key in waiting
        }
        machine.steps_ended = run.steps_total - len(opened)
        transitions.reopen_run(run.id, steps_ended=machine.steps_ended)
        run.error = run.cancel_requested_at = None
        transitions.reopen_steps(run.id, counts)
        machine.advance(ready=[key for key, count in counts.items() if count == 0], starts=starts)
        self.retried |= machine.retried

    def _resume_step(self, machine: RunStateMachine, step: RunStep) -> Start | None:
        """The start of a step from where it broke; None when it starts from its beginning."""
        if step.state == StepState.SKIPPED:
            return None
        if step.child_run_id is not None:
            return self._reopen_child(machine, step.key, step.child_run_id)
        return self._retry_tasks(machine, step) if step.task_ids else None

    def _retry_tasks(self, machine: RunStateMachine, step: RunStep) -> Start | None:
        workspace_id = machine.run.workspace_id
        states = get_states(workspace_id, step.task_ids)
        broken = {task for task, state in states.items() if state in _BROKEN}
        if not broken or len(states) < len(step.task_ids):
            return None  # some were removed, and their items with them
        specs = get_reprocess_specs(workspace_id, broken)
        for task in self.edits.keys() & broken:
            payload = dict(self.edits[task])
            prepare_changes({"payload": payload}, type_name=specs[task].type)
            specs[task] = replace(specs[task], payload=payload)
        start = Start(
            step.key,
            specs=[specs[task] for task in step.task_ids if task in broken],
            task_ids=[None if task in broken else task for task in step.task_ids],
        )
        return with_join(start, machine.run, run_name=machine.name)

    def _reopen_child(self, machine: RunStateMachine, key: str, child_run_id: UUID) -> Start | None:
        child = RunStateMachine.lock(child_run_id, workspace_id=machine.run.workspace_id)
        if child is None or child.run.state not in _RETRYABLE:
            return None
        self.reopen(child)
        return Start(key, child_run_id=child_run_id)


def _is_broken(step: RunStep) -> bool:
    if step.state in (StepState.FAILED, StepState.CANCELLED):
        return True
    code = (step.reason or {}).get("code")
    return step.state == StepState.SKIPPED and code == ReasonCode.PARENT_FAILED
