"""Steps whose expressions cost more than a request, or the dispatcher, may spend: a worker
evaluates them.

Such a step waits, with the task that is to start it as its join. All that one transaction leaves
share that task, and so one budget.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from tasks_app.services import submit_tasks
from workflows import transitions
from workflows.models import RunStep
from workflows.services.ends import StepEnd, failed, reason
from workflows.services.starts import make_join
from workflows.states import ReasonCode, StepState

if TYPE_CHECKING:
    from workflows.services.course import Course

_WHY = "A worker evaluates its expressions, which cost more than a request may spend."


def defer_steps(course: "Course", keys: Sequence[str]) -> None:
    """Leave steps that are to start to a worker."""
    join = make_join(course.run, keys[0], run_name=course.name)
    (join_id,) = submit_tasks(workspace_id=course.run.workspace_id, specs=[join])
    row = {
        "state": StepState.WAITING.value,
        "join_id": str(join_id),
        "reason": reason(ReasonCode.EVALUATION, _WHY),
    }
    transitions.start_steps(course.run.id, [{"key": key, **row} for key in keys])


def is_deferred(step: RunStep) -> bool:
    """Whether a step waits for a worker that evaluates its expressions."""
    code = (step.reason or {}).get("code")
    return step.state == StepState.WAITING and code == ReasonCode.EVALUATION


def start_deferred(course: "Course", step: RunStep, join_id: UUID | None) -> bool:
    """Start the steps that were left to this join; whether that was done.

    Without a join, the one that should have started the step has ended: then the step fails.
    """
    if join_id is None:
        course.go_on(ends=[_abandoned(step.key)])
        return True
    if join_id != step.join_id:
        return False
    left = RunStep.objects.filter(run_id=course.run.id, join_id=join_id, state=StepState.WAITING)
    course.go_on(ready=list(left.order_by("position").values_list("key", flat=True)))
    return True


def _abandoned(key: str) -> StepEnd:
    message = "The task that was to evaluate its expressions has ended without starting it."
    return failed(key, "NotEvaluated", f"Step {key!r}: {message}", "UNKNOWN")
