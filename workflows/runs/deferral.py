"""Steps whose expressions cost more than a request, or the dispatcher, may spend: a worker
evaluates them.

Such a step waits, and the task that will start it is its join. All steps that one transaction
defers share that task, and so one budget.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from tasks_app.services import submit_tasks
from workflows import transitions
from workflows.models import RunStep
from workflows.states import ReasonCode, StepState
from workflows.steps.ends import StepEnd, failed, reason
from workflows.steps.starts import make_join

if TYPE_CHECKING:
    from workflows.runs.state_machine import RunStateMachine

_WHY = "A worker evaluates its expressions, which cost more than a request may spend."


def defer_steps(machine: "RunStateMachine", keys: Sequence[str]) -> None:
    """Leave the start of steps to a worker."""
    join = make_join(machine.run, keys[0], run_name=machine.name)
    (join_id,) = submit_tasks(workspace_id=machine.run.workspace_id, specs=[join])
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
    """Start the steps that were left to this join; whether the step moved.

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
