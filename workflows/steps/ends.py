"""The end of a step, and its record."""

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.errors import DomainError
from controlplane.core.jsonb import dump_jsonb
from workflows.definitions import Step
from workflows.models import RunStep, WorkflowRun
from workflows.queries.outcomes import Broken, Outcomes, list_results, summarize_outcomes
from workflows.queries.scopes import MAX_RESULT_BYTES, get_leaf_results
from workflows.states import ReasonCode, RunState, StepKind, StepState

logger = logging.getLogger(__name__)

_MAX_ERRORS_SHOWN = 20
_MAX_MESSAGE_LENGTH = 2_000


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
    """The end of a step that did its work."""
    size = len(dump_jsonb(result))
    return StepEnd(
        key,
        StepState.COMPLETED,
        result=result if size <= MAX_RESULT_BYTES else None,
        result_bytes=size,
        decided_by=decided_by,
    )


def failed(
    key: str, class_name: str, message: str, category: str, *, decided_by: str = "", **more: Any
) -> StepEnd:
    """The end of a step that failed; `more` goes into its error."""
    # A library may quote what the database cannot keep: a pattern with a NUL in it.
    text = message[:_MAX_MESSAGE_LENGTH].replace("\0", "\N{REPLACEMENT CHARACTER}")
    error = {"class": class_name, "message": text, "category": category}
    return StepEnd(key, StepState.FAILED, error={**error, **more}, decided_by=decided_by)


def refused(key: str, error: DomainError) -> StepEnd:
    """The end of a step whose tasks, or whose sub-workflow, were not accepted."""
    what = [f"{part['field']}: {part['message']}" for part in error.errors[:_MAX_ERRORS_SHOWN]]
    return failed(
        key,
        "PayloadRefused",
        f"Step {key!r} was refused: {'; '.join(what) or error.detail}",
        "VALIDATION",
        errors=error.errors[:_MAX_ERRORS_SHOWN],
    )


def refused_or_broken(key: str, error: Exception) -> StepEnd:
    """The end of a step that cannot start: its tasks were not accepted, or our code or a payload's
    model raised an unexpected error, which is logged. Another attempt would not help the run."""
    if isinstance(error, DomainError):
        return refused(key, error)
    logger.error("Step not started: step=%r", key, exc_info=error)
    return failed(
        key, type(error).__name__, f"Step {key!r} could not be started: {error!r}.", "CODE"
    )


def skipped(key: str, code: ReasonCode, message: str, step: str | None = None) -> StepEnd:
    """The end of a step that does not run."""
    return StepEnd(key, StepState.SKIPPED, reason=reason(code, message, step))


def cancelled(key: str, why: dict[str, Any]) -> StepEnd:
    """The end of a step whose run stops."""
    return StepEnd(key, StepState.CANCELLED, reason=why)


def reason(code: ReasonCode, message: str, step: str | None = None) -> dict[str, Any]:
    """Why, for `RunStep.reason`."""
    return {"code": code.value, "message": message, **({"step": step} if step else {})}


def end_of(
    run: WorkflowRun,
    step: RunStep,
    defined: Step,
    *,
    stop_reason: dict[str, Any] | None,
    join_id: UUID | None = None,
) -> StepEnd | None:
    """The end of an open step, or None while it continues.

    `stop_reason` is that of its run; `join_id` is the join that calls. A wait ends when its own
    join runs, regardless of the clock of this process."""
    if defined.kind == StepKind.TASK:
        return _end_of_tasks(run, step, stop_reason)
    if defined.kind == StepKind.WORKFLOW:
        return _end_of_child(run, step, stop_reason)
    is_time = step.wait_until is not None and step.wait_until <= now()
    if not is_time and (join_id is None or join_id != step.join_id):
        return None
    if defined.kind == StepKind.WAIT:
        return completed(step.key, None)
    return failed(step.key, "NotDecided", "Nobody decided in time.", "TIMEOUT")


def _end_of_tasks(
    run: WorkflowRun, step: RunStep, stop_reason: dict[str, Any] | None
) -> StepEnd | None:
    outcomes = summarize_outcomes(run.workspace_id, step.task_ids)
    if outcomes.unfinished:
        return None
    if outcomes.broken is None:
        return _with_results(StepEnd(step.key, StepState.COMPLETED), run, step, outcomes)
    if stop_reason and not outcomes.failed:
        return cancelled(step.key, stop_reason)
    error = _cause(step, outcomes, outcomes.broken)
    end = StepEnd(step.key, StepState.FAILED, error=error)
    # The results of the other items are kept: dependents may run in spite of the failure.
    return _with_results(end, run, step, outcomes) if step.is_list else end


def _with_results(end: StepEnd, run: WorkflowRun, step: RunStep, outcomes: Outcomes) -> StepEnd:
    result = None
    if outcomes.result_bytes <= MAX_RESULT_BYTES:
        results = list_results(run.workspace_id, step.task_ids)
        result = results if step.is_list else results[0]
    return StepEnd(
        end.key, end.state, error=end.error, result=result, result_bytes=outcomes.result_bytes
    )


def _cause(step: RunStep, outcomes: Outcomes, broken: Broken) -> dict[str, Any]:
    """The error of a step from the first of its tasks that did not complete."""
    cause = broken.error or {}
    if broken.state is None:
        cause = {"class": "TaskGone", "message": f"The task {broken.task_id} was removed."}
    elif broken.state == "CANCELLED":
        cause = {"class": "TaskCancelled", "message": f"The task {broken.task_id} was cancelled."}
    error = {
        "class": cause.get("class", "Unknown"),
        "message": str(cause.get("message", ""))[:_MAX_MESSAGE_LENGTH],
        "category": cause.get("category", "UNKNOWN"),
        "taskId": str(broken.task_id),
    }
    if step.is_list:
        count = outcomes.failed + outcomes.cancelled + outcomes.missing
        error |= {"item": broken.position, "items": len(step.task_ids), "itemsFailed": count}
    return error


def _end_of_child(
    run: WorkflowRun, step: RunStep, stop_reason: dict[str, Any] | None
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
    if child.state == RunState.CANCELLED and stop_reason:
        return cancelled(step.key, stop_reason)
    cause = child.error or {}
    detail = f": step {cause['step']!r}: {cause['message']}" if cause else ""
    return failed(
        step.key,
        "WorkflowFailed" if child.state == RunState.FAILED else "WorkflowCancelled",
        f"The run {child.id} is {child.state}{detail}",
        cause.get("category", "DEPENDENCY"),
        runId=str(child.id),
    )


def _result_of_child(key: str, child: WorkflowRun) -> StepEnd:
    """The results of the steps that nothing depends on, by their keys."""
    size, results = get_leaf_results(child)
    return StepEnd(key, StepState.COMPLETED, result=results, result_bytes=size)
