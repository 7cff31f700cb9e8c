"""Stops a run after a step with `onFailure` "fail" failed, or a person cancelled the run. Nothing
new starts, waiting tasks are cancelled, running tasks end by themselves (or are asked to), and the
runs of sub-workflows stop too. The tasks of the whole tree are cancelled in one call, which locks
them in the order of their ids like all other code.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM, Actor
from tasks_app.services import cancel_tasks
from workflows import transitions
from workflows.models import RunStep
from workflows.queries.outcomes import list_unfinished
from workflows.states import OPEN_STEPS, RunState, StepState
from workflows.steps.ends import StepEnd, cancelled, end_of

if TYPE_CHECKING:
    from workflows.runs.state_machine import RunStateMachine


@dataclass(slots=True)
class _Member:
    """One run of the tree, with its steps that are open."""

    machine: "RunStateMachine"
    steps: list[RunStep]


def stop(machine: "RunStateMachine", *, interrupt_running: bool, actor: Actor = SYSTEM) -> None:
    """Stop a run that has a `stop_reason`, and the runs below it. The caller saves the run."""
    tree = list(_gather(machine))
    steps = [step for member in tree for step in member.steps]
    tasks = [task for step in steps for task in step.task_ids]
    waits = [step.join_id for step in steps if step.state == StepState.WAITING and step.join_id]
    workspace_id = machine.run.workspace_id
    ended: set[UUID] = set()
    if tasks or waits:
        now_ended, _ = cancel_tasks(
            workspace_id=workspace_id,
            ids=[*tasks, *set(waits)],
            actor=actor,
            ask_running=interrupt_running,
        )
        ended = set(now_ended)
    unfinished = list_unfinished(tasks) if tasks else set()
    joins: list[UUID] = []
    for member in reversed(tree):  # the runs below before the ones above
        joins += _stop_member(member, ended, unfinished)
        if member.machine is not machine:
            member.machine.save(notify_parent=False)
    if joins:
        # The cancelled tasks have released them, so these rows are already locked.
        cancel_tasks(workspace_id=workspace_id, ids=joins, actor=actor, ask_running=False)


def _gather(machine: "RunStateMachine") -> Iterable[_Member]:
    """The run and the running ones below it, each locked, those above before those below."""
    steps = list(
        RunStep.objects.filter(
            run_id=machine.run.id, state__in=[state.value for state in OPEN_STEPS]
        ).defer("result")
    )
    yield _Member(machine, steps)
    for step in steps:
        if step.child_run_id is None:
            continue
        child = type(machine).lock(step.child_run_id, workspace_id=machine.run.workspace_id)
        if child is not None and child.run.state == RunState.RUNNING:
            child.run.cancel_requested_at = child.run.cancel_requested_at or now()
            yield from _gather(child)


def _stop_member(member: _Member, ended: set[UUID], unfinished: set[UUID]) -> list[UUID]:
    """End every step of one run that can end; the joins that are no longer needed."""
    machine = member.machine
    why = machine.stop_reason
    if why is None:
        raise ValueError("The run has no reason to stop.")
    machine.steps_ended += transitions.cancel_pending(machine.run.id, why)
    ends: list[StepEnd] = []
    joins: list[UUID] = []
    for step in member.steps:
        end: StepEnd | None
        if step.state == StepState.WAITING:
            end = cancelled(step.key, why)
        elif not unfinished.isdisjoint(step.task_ids):
            continue
        elif not ended.isdisjoint(step.task_ids):
            end = cancelled(step.key, why)
            joins += [step.join_id] if step.join_id else []
        else:
            end = end_of(machine.run, step, machine.definition.by_key[step.key], stop_reason=why)
        ends += [end] if end else []
    if ends:
        moved = transitions.end_steps(machine.run.id, [end.row() for end in ends])
        machine.steps_ended += len(moved)
    return joins
