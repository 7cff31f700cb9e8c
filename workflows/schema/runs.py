"""Runs and their steps in requests and responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field

from controlplane.core.schema import Request, Resource, shown
from controlplane.core.schema.fields import Text
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import COMMA, Choices, Ids
from tasks_app.schema.fields import IdempotencyKey, optional
from tasks_app.states import ErrorCategory
from workflows.states import ReasonCode, RunState, StepKind, StepState

MAX_COMMENT_LENGTH = 2_000
MAX_STEPS_SHOWN = 1_000
MAX_TASKS_SHOWN = 1_000


class ExecuteIn(Request):
    """The input of a run."""

    example: ClassVar[Mapping[str, Any]] = {"input": {"total": 120}}

    input: Any = Field(
        default_factory=dict, description="Must fit the inputSchema; the default is `{}`."
    )
    rerun_of: UUID | None = Field(
        default=None, strict=False, description="The run whose input this one edits."
    )
    idempotency_key: IdempotencyKey = optional()


class RerunIn(Request):
    """Another input, which replaces the whole input; left out, the input stays the same."""

    example: ClassVar[Mapping[str, Any]] = {}

    input: Any = Field(default=None, description="Default: the input of the run.")
    idempotency_key: IdempotencyKey = optional()


class Decision(Request):
    """A comment on a decision."""

    example: ClassVar[Mapping[str, Any]] = {"comment": "Looks right."}

    comment: Annotated[str, Text(MAX_COMMENT_LENGTH, minimum=0)] = ""


@dataclass(frozen=True, slots=True)
class WorkflowRunFilter:
    """The filter of one workflow's runs."""

    statuses: tuple[str, ...] = condition("status", Choices(choices=tuple(RunState.values)), COMMA)


@dataclass(frozen=True, slots=True)
class RunFilter(WorkflowRunFilter):
    """Which runs."""

    workflow_ids: tuple[UUID, ...] = condition("workflowId", Ids(limit=1), "Runs of one workflow.")


class StepError(Resource):
    """Why a step failed: common fields, and fields of the kind of failure."""

    class_: str = shown("The exception's class.", alias="class")
    message: str
    category: ErrorCategory
    task_id: UUID = shown("The task that failed; its page has the traceback.", default=None)
    item: int = shown("The first item of a forEach that failed, counted from 0.", default=None)
    items: int = shown("How many items a forEach has.", default=None)
    items_failed: int = shown("How many items did not complete.", default=None)
    run_id: UUID = shown("The run of a sub-workflow that failed.", default=None)
    errors: list[dict[str, str]] = shown("The refused fields, as {field, message}.", default=None)


class RunError(StepError):
    """Why a run failed: the error of its first step that failed."""

    step: str = shown("The key of the step.")


class StepReason(Resource):
    """Why a step did not run, or what it waits for."""

    code: ReasonCode
    message: str = shown("For people.")
    step: str = shown("The step that caused it.", default=None)


class Run(Resource):
    """A run in a list."""

    run_id: UUID = shown(source="run.id")
    workflow_id: UUID = shown(source="run.workflow_id")
    workflow_name: str = shown(source="run.workflow.name")
    version: int = shown(source="run.version.version")
    status: RunState = shown(source="run.state")
    progress: float = shown(
        "Percent: the mean over its steps, where an open step counts as the share of its ended "
        "tasks. 100 only when the run has ended."
    )
    input: Any = shown(source="run.input", guard="payload")
    error: RunError | None = shown(
        "The error of the step that failed first.", source="run.error", guard="error"
    )
    started_by: str = shown(source="run.started_by")
    rerun_of: UUID | None = shown(source="run.rerun_of")
    parent_run_id: UUID | None = shown(source="run.parent_run_id")
    parent_step_key: str | None = shown(source="run.parent_step_key")
    cancel_requested: bool = shown(compute=lambda row: row.run.cancel_requested_at is not None)
    steps_total: int = shown(source="run.steps_total")
    steps_ended: int = shown(source="run.steps_ended")
    created_at: datetime = shown(source="run.created_at")
    finished_at: datetime | None = shown(source="run.finished_at")


class StepDetail(Resource):
    """A step of a run with its result."""

    key: str
    name: str
    kind: StepKind
    status: StepState = shown(source="state")
    depends_on: list[str]
    task_ids: list[UUID] = shown(
        f"The first {MAX_TASKS_SHOWN}, in the order of the items; all: "
        "`GET /tasks?workflowRunId=`.",
        compute=lambda step: step.task_ids[:MAX_TASKS_SHOWN],
    )
    tasks_total: int
    tasks_ended: int
    reason: StepReason | None = shown(guard="payload")
    error: StepError | None = shown(guard="error")
    wait_until: datetime | None
    decided_by: str = shown("Who approved or rejected it; empty until then.")
    child_run_id: UUID | None
    started_at: datetime | None
    finished_at: datetime | None
    result: Any = shown(
        "In a run, up to 64 KiB per step and 1 MiB in total; the call for one step returns the "
        "whole result.",
        guard="result",
    )
    result_bytes: int = shown("Size as JSON; 0 without a result.")


class RunDetail(Run):
    """A run with its steps in topological order."""

    steps: list[StepDetail] = shown(f"At most {MAX_STEPS_SHOWN}.")
    next_steps_after: str | None = shown("For `stepsAfter`, if there are more steps.")


class RunStarted(Resource):
    """A run that was started."""

    run_id: UUID = shown(source="id")
    status: RunState = shown(source="state")
