"""One run for people: its steps with their progress, what they wait for, and their results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from controlplane.core.clock import utc_z
from controlplane.core.errors import Invalid, NotFound
from tasks_app.queries import has_worker
from workflows.models import RunStep, WorkflowRun
from workflows.queries.outcomes import get_blocked_counts
from workflows.queries.runs import get_progress, percent, share_of
from workflows.schema.runs import MAX_STEPS_SHOWN
from workflows.states import ENDED_STEPS, OPEN_STEPS, ReasonCode, StepKind, StepState

if TYPE_CHECKING:
    from workflows.definitions import Definition

_JOIN_QUEUE = "workflows"


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of a run. `tasks_ended` counts those of `task_ids` that have ended; `reason` says why
    it was skipped or cancelled, or what it waits for: {code, message, step?}."""

    key: str
    name: str
    kind: str
    state: str
    task_ids: list[UUID]
    tasks_total: int
    tasks_ended: int
    reason: dict[str, Any] | None
    error: dict[str, Any] | None
    wait_until: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    decided_by: str
    child_run_id: UUID | None
    depends_on: list[str]
    result: Any = None  # of a page's steps, as far as a page has room
    result_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with its definition and its steps in topological order; `progress` is 0 to 100."""

    run: WorkflowRun
    definition: "Definition"
    steps: list[StepView]
    progress: float


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list; `progress` is 0 to 100."""

    run: WorkflowRun
    progress: float


@dataclass(frozen=True, slots=True)
class RunPage(RunRow):
    """A run with a part of its steps and their results; `next_steps_after` is the key after which
    the next part begins."""

    steps: list[StepView]
    next_steps_after: str | None


def describe_rows(runs: Sequence[WorkflowRun]) -> list[RunRow]:
    """Runs of one workspace, in two queries."""
    progress = get_progress(runs[0].workspace_id, runs) if runs else {}
    return [RunRow(run, progress[run.id]) for run in runs]


def describe_page(run: WorkflowRun, *, steps_after: str | None = None) -> RunPage:
    """A run with its steps after the key `steps_after`. Raises Invalid when no step has it."""
    view = describe_run(run)
    steps = _steps_after(view.steps, steps_after)
    page = steps[:MAX_STEPS_SHOWN]
    results = get_results(run.workspace_id, run.id, [step.key for step in page])
    return RunPage(
        run=run,
        progress=view.progress,
        steps=[
            replace(step, result=found.value, result_bytes=found.size)
            if (found := results.get(step.key))
            else step
            for step in page
        ],
        next_steps_after=page[-1].key if len(steps) > len(page) else None,
    )


def describe_step(run: WorkflowRun, key: str) -> StepView:
    """One step with its whole result of any size. Raises NotFound."""
    step = next((step for step in describe_run(run).steps if step.key == key), None)
    if step is None:
        raise NotFound(f"The run has no step {key!r}.")
    row = RunStep.objects.only("result", "result_bytes").get(run_id=run.id, key=key)
    return replace(step, result=row.result, result_bytes=row.result_bytes)


def describe_run(run: WorkflowRun) -> RunView:
    """A run with its steps: three queries, whatever the number of steps and tasks."""
    # A definition takes the workflow language along, which the lists of runs do not need.
    from workflows.definitions import load_definition

    definition = load_definition(run.version)
    steps = list(RunStep.objects.filter(run_id=run.id).defer("result").order_by("position"))
    open_joins = [s.join_id for s in steps if s.state in OPEN_STEPS and s.join_id]
    joins = get_blocked_counts(run.workspace_id, open_joins) if open_joins else {}
    is_stuck = any(state == "PENDING" for state, _ in joins.values()) and not has_worker(
        _JOIN_QUEUE
    )
    views = [_view(step, definition, joins, is_stuck=is_stuck) for step in steps]
    shares = sum(
        share_of(view.tasks_total, view.tasks_ended) for view in views if view.state in OPEN_STEPS
    )
    return RunView(run=run, definition=definition, steps=views, progress=percent(run, shares))


def _steps_after(steps: list[StepView], key: str | None) -> list[StepView]:
    if not key:
        return steps
    for position, step in enumerate(steps):
        if step.key == key:
            return steps[position + 1 :]
    raise Invalid(errors=[{"field": "stepsAfter", "message": "The run has no step of this key."}])


def _view(
    step: RunStep,
    definition: "Definition",
    joins: Mapping[UUID, tuple[str, int]],
    *,
    is_stuck: bool,
) -> StepView:
    defined = definition.by_key[step.key]
    total = len(step.task_ids)
    join = joins.get(step.join_id) if step.join_id else None
    ended = total if step.state in ENDED_STEPS else 0
    if step.state == StepState.RUNNING and total:
        ended = total - min(total, join[1]) if join else total
    return StepView(
        key=step.key,
        name=defined.name or step.key,
        kind=str(defined.kind),
        state=step.state,
        task_ids=step.task_ids,
        tasks_total=total,
        tasks_ended=ended,
        reason=_reason(step, defined.kind, join, is_stuck=is_stuck),
        error=step.error,
        wait_until=step.wait_until,
        started_at=step.started_at,
        finished_at=step.finished_at,
        decided_by=step.decided_by,
        child_run_id=step.child_run_id,
        depends_on=list(defined.depends_on),
    )


def _reason(
    step: RunStep, kind: str, join: tuple[str, int] | None, *, is_stuck: bool
) -> dict[str, Any] | None:
    stored: dict[str, Any] | None = step.reason
    if stored is not None and stored.get("code") != ReasonCode.EVALUATION:
        return stored
    return _waits_for(step, kind, join, is_stuck=is_stuck) or stored


def _waits_for(
    step: RunStep, kind: str, join: tuple[str, int] | None, *, is_stuck: bool
) -> dict[str, Any] | None:
    """What an open step waits for, if its tasks do not show it."""
    if step.state not in OPEN_STEPS:
        return None
    if join is not None and join[0] == "PENDING" and is_stuck:
        message = (
            "No worker serves the queue 'workflows', which starts and closes steps whose work has "
            "ended or whose expressions wait."
        )
        return {"code": ReasonCode.NO_WORKER.value, "message": message}
    if kind == StepKind.WAIT and step.wait_until is not None:
        return {
            "code": ReasonCode.TIME.value,
            "message": f"It waits until {utc_z(step.wait_until)}.",
        }
    return None


MAX_INLINE_BYTES = 64 * 1024
MAX_INLINE_BYTES_TOTAL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StepResult:
    """The value, or None if it is left out; `size` is its bytes as JSON in any case."""

    value: Any
    size: int


def get_results(workspace_id: UUID, run_id: UUID, keys: Sequence[str]) -> dict[str, StepResult]:
    """The results of these steps of a run: those of up to 64 KiB, in order, until 1 MiB is full."""
    steps = RunStep.objects.filter(run__workspace_id=workspace_id, run_id=run_id, key__in=keys)
    sizes = dict(
        steps.filter(result_bytes__gt=0).order_by("position").values_list("key", "result_bytes")
    )
    inline, total = [], 0
    for key, size in sizes.items():
        if size <= MAX_INLINE_BYTES and total + size <= MAX_INLINE_BYTES_TOTAL:
            inline.append(key)
            total += size
    values = dict(steps.filter(key__in=inline).values_list("key", "result")) if inline else {}
    return {key: StepResult(values.get(key), size) for key, size in sizes.items()}
