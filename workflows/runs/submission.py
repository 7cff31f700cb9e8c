"""Starts of steps as calls of the engine: tasks with their joins, in batches; and steps that a
worker starts, since their expressions cost more than a request or the dispatcher may spend.

Such a step waits, and the task that will start it is its join. All steps that one transaction
defers share that task, and so one budget.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from workflows import transitions
from workflows.models import RunStep
from workflows.states import ReasonCode, StepState
from workflows.steps.ends import StepEnd, failed, reason
from workflows.steps.starts import Start, make_join

if TYPE_CHECKING:
    from workflows.runs.state_machine import RunStateMachine


def submit_with_joins(
    machine: "RunStateMachine", specs: Sequence[TaskSpec], joins: Sequence[TaskSpec]
) -> tuple[list[UUID], list[UUID]]:
    """Submit tasks and the joins that name them by their refs, in one call; a list that fills a
    whole call gets its join in a second one."""
    if not specs and not joins:
        return [], []
    submit = partial(
        submit_tasks,
        workspace_id=machine.run.workspace_id,
        by=machine.retried_by,
        submitter=machine.submitter,
    )
    if len(specs) + len(joins) <= settings.TASKPLANE["BULK_MAX"] or not specs:
        ids = submit(specs=[*specs, *joins])
        return ids[: len(specs)], ids[len(specs) :]
    with transaction.atomic():
        tasks = submit(specs=specs)
        by_ref = {spec.ref: task for spec, task in zip(specs, tasks, strict=True)}
        known = [
            replace(join, depends_on=[by_ref.get(str(ref), ref) for ref in join.depends_on])
            for join in joins
        ]
        return tasks, submit(specs=known)


def batch_starts(starts: Sequence[Start]) -> Iterator[list[Start]]:
    """The starts in groups that one call may submit."""
    limit: int = settings.TASKPLANE["BULK_MAX"]
    group: list[Start] = []
    size = 0
    for start in starts:
        if group and size + start.size > limit:
            yield group
            group, size = [], 0
        group.append(start)
        size += start.size
    if group:
        yield group


def step_row(start: Start, tasks: Iterable[UUID], joins: Iterable[UUID]) -> dict[str, Any]:
    """The argument of `transitions.start_steps`, with the ids of its tasks."""
    new, join = iter(tasks), iter(joins)
    return {
        "key": start.key,
        "state": start.state.value,
        "task_ids": [str(task or next(new)) for task in start.task_ids],
        "join_id": str(next(join)) if start.join else None,
        "child_run_id": str(start.child_run_id) if start.child_run_id else None,
        "wait_until": start.wait_until.isoformat() if start.wait_until else None,
        "reason": start.reason,
    }


_WHY = "A worker evaluates its expressions, which cost more than a request may spend."


def defer_steps(machine: "RunStateMachine", keys: Sequence[str]) -> None:
    """Leave the start of steps to a worker."""
    join = make_join(machine.run, keys[0], run_name=machine.name)
    (join_id,) = submit_tasks(
        workspace_id=machine.run.workspace_id, specs=[join], submitter=machine.submitter
    )
    row = {
        "state": StepState.WAITING.value,
        "join_id": str(join_id),
        "reason": reason(ReasonCode.EVALUATION, _WHY),
    }
    transitions.start_steps(machine.run.id, [{"key": key, **row} for key in keys])


def is_deferred(step: RunStep) -> bool:
    """Whether a step waits for a worker that evaluates its expressions."""
    code = (step.reason or {}).get("code")
    return step.state == StepState.WAITING and code == ReasonCode.EVALUATION


def start_deferred(machine: "RunStateMachine", step: RunStep, join_id: UUID | None) -> bool:
    """Start the steps that were left to this join. Returns whether the step moved.

    `join_id` is None when the join ended without starting the step: then the step fails.
    """
    if join_id is None:
        machine.advance(ends=[_not_evaluated(step.key)])
        return True
    if join_id != step.join_id:
        return False
    left = RunStep.objects.filter(run_id=machine.run.id, join_id=join_id, state=StepState.WAITING)
    machine.advance(ready=list(left.order_by("position").values_list("key", flat=True)))
    return True


def _not_evaluated(key: str) -> StepEnd:
    message = "The task that should have evaluated its expressions ended without starting it."
    return failed(key, "NotEvaluated", f"Step {key!r}: {message}", "UNKNOWN")
