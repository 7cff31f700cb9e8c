"""How one step ends: what is written of it, and how that is found out."""

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.errors import DomainError
from controlplane.core.jsonb import dump_jsonb
from tasks_app.selectors.outcomes import Broken, Outcomes, list_results, summarize_outcomes
from workflows.definitions import Step
from workflows.models import RunStep, WorkflowRun
from workflows.selectors.scopes import LARGEST_RESULT_BYTES, get_leaf_results
from workflows.states import ReasonCode, RunState, StepKind, StepState

logger = logging.getLogger(__name__)

_ERRORS_SHOWN = 20
_LONGEST_MESSAGE = 2_000


@dataclass(frozen=True, slots=True)
class StepEnd:
    """The end of one step. `result_bytes` is the size of the result's JSON, also of one that is
    too large to be kept."""

    key: str
    state: StepState
    reason: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    result: Any = None
    result_bytes: int = 0
    decided_by: str = ""

    def row(self) -> dict[str, Any]:
        """As `transitions.end_steps` takes it."""
        return {
            "key": self.key,
            "state": self.state.value,
            "reason": self.reason,
            "error": self.error,
            "result": self.result,
            "result_bytes": self.result_bytes,
            "decided_by": self.decided_by,
        }


def completed(key: str, result: Any, *, decided_by: str = "") -> StepEnd:
    """A step that did what it had to."""
    size = len(dump_jsonb(result))
    return StepEnd(
        key,
        StepState.COMPLETED,
        result=result if size <= LARGEST_RESULT_BYTES else None,
        result_bytes=size,
        decided_by=decided_by,
    )


def failed(
    key: str, class_name: str, message: str, category: str, *, decided_by: str = "", **more: Any
) -> StepEnd:
    """A step that failed; `more` goes into its error."""
    # A library may quote what the database cannot keep: a pattern with a NUL in it.
    said = message[:_LONGEST_MESSAGE].replace("\0", "\N{REPLACEMENT CHARACTER}")
    error = {"class": class_name, "message": said, "category": category}
    return StepEnd(key, StepState.FAILED, error={**error, **more}, decided_by=decided_by)


def refused(key: str, error: DomainError) -> StepEnd:
    """A step whose tasks, or whose sub-workflow, were not accepted."""
    what = [f"{part['field']}: {part['message']}" for part in error.errors[:_ERRORS_SHOWN]]
    return failed(
        key,
        "PayloadRefused",
        f"Step {key!r} was refused: {'; '.join(what) or error.detail}",
        "VALIDATION",
        errors=error.errors[:_ERRORS_SHOWN],
    )


def refused_or_broken(key: str, error: Exception) -> StepEnd:
    """A step that cannot start: its tasks were not accepted, or something in our code or in a
    payload's model raised what nobody expects. Trying it again would not help the run."""
    if isinstance(error, DomainError):
        return refused(key, error)
    logger.error("Step %r could not be started", key, exc_info=error)
    return failed(
        key, type(error).__name__, f"Step {key!r} could not be started: {error!r}.", "CODE"
    )


def skipped(key: str, code: ReasonCode, message: str, step: str | None = None) -> StepEnd:
    """A step that does not run."""
    return StepEnd(key, StepState.SKIPPED, reason=reason(code, message, step))


def cancelled(key: str, why: dict[str, Any]) -> StepEnd:
    """A step that its run no longer wants."""
    return StepEnd(key, StepState.CANCELLED, reason=why)


def reason(code: ReasonCode, message: str, step: str | None = None) -> dict[str, Any]:
    """Why, for `RunStep.reason`."""
    return {"code": code.value, "message": message, **({"step": step} if step else {})}


def end_of(
    run: WorkflowRun,
    step: RunStep,
    defined: Step,
    *,
    stopping: dict[str, Any] | None,
    join_id: UUID | None = None,
) -> StepEnd | None:
    """How an open step ends, or None: not yet. `stopping` says why its run stops, if it does;
    `join_id` is the join that asks. A step whose own join has come at last waits for no clock."""
    if defined.kind == StepKind.TASK:
        return _end_of_tasks(run, step, stopping)
    if defined.kind == StepKind.WORKFLOW:
        return _end_of_child(run, step, stopping)
    is_time = step.wait_until is not None and step.wait_until <= now()
    if not is_time and (join_id is None or join_id != step.join_id):
        return None
    if defined.kind == StepKind.WAIT:
        return completed(step.key, None)
    return failed(step.key, "NotDecided", "Nobody decided in time.", "TIMEOUT")


def _end_of_tasks(
    run: WorkflowRun, step: RunStep, stopping: dict[str, Any] | None
) -> StepEnd | None:
    found = summarize_outcomes(run.workspace_id, step.task_ids)
    if found.unfinished:
        return None
    if found.broken is None:
        return _with_results(StepEnd(step.key, StepState.COMPLETED), run, step, found)
    if stopping and not found.failed:
        return cancelled(step.key, stopping)
    error = _cause(step, found, found.broken)
    end = StepEnd(step.key, StepState.FAILED, error=error)
    # What the other items gave is kept: dependents may run in spite of the failure.
    return _with_results(end, run, step, found) if step.is_list else end


def _with_results(end: StepEnd, run: WorkflowRun, step: RunStep, found: Outcomes) -> StepEnd:
    result = None
    if found.result_bytes <= LARGEST_RESULT_BYTES:
        results = list_results(run.workspace_id, step.task_ids)
        result = results if step.is_list else results[0]
    return StepEnd(
        end.key, end.state, error=end.error, result=result, result_bytes=found.result_bytes
    )


def _cause(step: RunStep, found: Outcomes, broken: Broken) -> dict[str, Any]:
    """The error of a step from the first of its tasks that did not complete."""
    told = broken.error or {}
    if broken.state is None:
        told = {"class": "TaskGone", "message": f"The task {broken.task_id} was removed."}
    elif broken.state == "CANCELLED":
        told = {"class": "TaskCancelled", "message": f"The task {broken.task_id} was cancelled."}
    error = {
        "class": told.get("class", "Unknown"),
        "message": str(told.get("message", ""))[:_LONGEST_MESSAGE],
        "category": told.get("category", "UNKNOWN"),
        "taskId": str(broken.task_id),
    }
    if step.is_list:
        count = found.failed + found.cancelled + found.missing
        error |= {"item": broken.position, "items": len(step.task_ids), "itemsFailed": count}
    return error


def _end_of_child(
    run: WorkflowRun, step: RunStep, stopping: dict[str, Any] | None
) -> StepEnd | None:
    runs = WorkflowRun.objects.filter(workspace_id=run.workspace_id)
    child = runs.filter(id=step.child_run_id).first() if step.child_run_id else None
    if child is None:
        message = f"The run {step.child_run_id} was removed."
        return failed(step.key, "RunGone", message, "UNKNOWN")
    if child.state == RunState.RUNNING:
        return None
    if child.state == RunState.COMPLETED:
        return _result_of_child(step.key, child)
    if child.state == RunState.CANCELLED and stopping:
        return cancelled(step.key, stopping)
    cause = child.error or {}
    said = f": step {cause['step']!r}: {cause['message']}" if cause else ""
    return failed(
        step.key,
        "WorkflowFailed" if child.state == RunState.FAILED else "WorkflowCancelled",
        f"The run {child.id} is {child.state}{said}",
        cause.get("category", "DEPENDENCY"),
        runId=str(child.id),
    )


def _result_of_child(key: str, child: WorkflowRun) -> StepEnd:
    """The results of the steps that nothing depends on, by their keys."""
    size, results = get_leaf_results(child)
    return StepEnd(key, StepState.COMPLETED, result=results, result_bytes=size)
