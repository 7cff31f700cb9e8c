"""Stopping a run: since a step failed that may not fail, or since a person cancels it.

Nothing new starts, what waits is cancelled, what runs ends by itself (or is asked to), and the runs
below stop too. The tasks of the whole tree are cancelled in one call, which locks them in the order
of their ids as everybody does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM, Actor
from tasks_app.selectors.outcomes import list_unfinished
from tasks_app.services import cancel_tasks
from workflows import transitions
from workflows.models import RunStep
from workflows.services.ends import StepEnd, cancelled, end_of
from workflows.states import OPEN_STEPS, RunState, StepState

if TYPE_CHECKING:
    from workflows.services.course import Course


@dataclass(slots=True)
class _Member:
    """One run of the tree, with its steps that are open."""

    course: "Course"
    steps: list[RunStep]


def stop(course: "Course", *, ask_running: bool, actor: Actor = SYSTEM) -> None:
    """Stop a run that says why (`course.stopping`), and the runs below it. The caller saves it."""
    tree = list(_gather(course))
    steps = [step for member in tree for step in member.steps]
    tasks = [task for step in steps for task in step.task_ids]
    waits = [step.join_id for step in steps if step.state == StepState.WAITING and step.join_id]
    workspace_id = course.run.workspace_id
    ended: set[UUID] = set()
    if tasks or waits:
        now_ended, _ = cancel_tasks(
            workspace_id=workspace_id,
            ids=[*tasks, *set(waits)],
            actor=actor,
            ask_running=ask_running,
        )
        ended = set(now_ended)
    unfinished = list_unfinished(tasks) if tasks else set()
    joins: list[UUID] = []
    for member in reversed(tree):  # the runs below before the ones above
        joins += _stop_member(member, ended, unfinished)
        if member.course is not course:
            member.course.save(tells_parent=False)
    if joins:
        # Released by what was cancelled, so these rows are locked already.
        cancel_tasks(workspace_id=workspace_id, ids=joins, actor=actor, ask_running=False)


def _gather(course: "Course") -> Iterable[_Member]:
    """The run and the running ones below it, each locked, those above before those below."""
    steps = list(
        RunStep.objects.filter(
            run_id=course.run.id, state__in=[state.value for state in OPEN_STEPS]
        ).defer("result")
    )
    yield _Member(course, steps)
    for step in steps:
        if step.child_run_id is None:
            continue
        child = type(course).lock(step.child_run_id, workspace_id=course.run.workspace_id)
        if child is not None and child.run.state == RunState.RUNNING:
            child.run.cancel_requested_at = child.run.cancel_requested_at or now()
            yield from _gather(child)


def _stop_member(member: _Member, ended: set[UUID], unfinished: set[UUID]) -> list[UUID]:
    """End what can end of one run; the joins that nobody needs any more."""
    course = member.course
    why = course.stopping
    if why is None:
        raise ValueError("a run that does not stop")
    course.steps_ended += transitions.cancel_pending(course.run.id, why)
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
            end = end_of(course.run, step, course.definition.by_key[step.key], stopping=why)
        ends += [end] if end else []
    if ends:
        moved = transitions.end_steps(course.run.id, [end.row() for end in ends])
        course.steps_ended += len(moved)
    return joins
