"""The start of a step: its tasks and their join, a wait, an approval, or a sub-workflow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from controlplane.core.clock import now, parse_time
from controlplane.core.jsonb import dump_jsonb
from tasks_app.schema.submission import MAX_PARENTS, MAX_WAIT
from tasks_app.specs import TaskSpec
from workflows.definitions import Step
from workflows.language import BudgetSpentError, ExpressionError, TemplateError
from workflows.models import WorkflowRun
from workflows.queries.scopes import Scopes
from workflows.states import ReasonCode, StepKind, StepState
from workflows.steps.ends import StepEnd, completed, failed, reason, refused_or_broken, skipped

JOIN_TYPE = "workflow-join"
JOIN_QUEUE = "workflows"
JOIN_TAG = "workflow-join"
_JOIN_PRIORITY = 100
_JOIN_ATTEMPTS = 25
_MAX_NAME_LENGTH = 200
# The payloads of a forEach are made in memory, in one transaction.
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
_TOO_SLOW = (
    "Step {!r}: the expressions of the steps that start together take too much time. Give the "
    "list itself to forEach and read item, instead of reading a large value for each item; or let "
    "a task do the work."
)


@dataclass(slots=True)
class Start:
    """A step about to start. `task_ids` has a place for each of its tasks: None for those that
    `specs` will fill, in their order. `child` is the workflow and the input of a sub-workflow;
    `child_run_id` is a run that a retry has reopened."""

    key: str
    state: StepState = StepState.RUNNING
    specs: list[TaskSpec] = field(default_factory=list)
    task_ids: list[UUID | None] = field(default_factory=list)
    join: TaskSpec | None = None
    wait_until: datetime | None = None
    reason: dict[str, Any] | None = None
    child: tuple[str, Any] | None = None
    child_run_id: UUID | None = None
    payload_bytes: int = 0  # of JSON, until they are submitted

    @property
    def size(self) -> int:
        """The number of submitted tasks, including its join."""
        return len(self.specs) + (self.join is not None)


def prepare_start(
    run: WorkflowRun, step: Step, scopes: Scopes, *, run_name: str
) -> Start | StepEnd:
    """The start of a step whose parents have ended; or its end, when it does not start: its
    condition is false, its list is empty, or one of its expressions fails.

    Raises BudgetSpentError if a worker must evaluate its expressions.
    """
    try:
        if step.when is not None and not _condition_holds(step, scopes):
            return skipped(step.key, ReasonCode.CONDITION, "Its condition is false.")
        return _PREPARE[StepKind(step.kind)](run, step, scopes, run_name)
    except _CannotStartError as error:
        return failed(step.key, error.class_name, str(error), "VALIDATION")
    except BudgetSpentError:
        if scopes.may_defer:
            raise
        return failed(step.key, "TooSlow", _TOO_SLOW.format(step.key), "VALIDATION")
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - refused_or_broken logs it
        return refused_or_broken(step.key, error)


def make_join(run: WorkflowRun, key: str, *, run_name: str, **options: Any) -> TaskSpec:
    """The task that closes a step. It belongs to the step, but is not one of its tasks."""
    return TaskSpec(
        type=JOIN_TYPE,
        payload={"runId": str(run.id), "stepKey": key},
        name=f"workflow {run_name}: after {key}"[:_MAX_NAME_LENGTH],
        queue=JOIN_QUEUE,
        priority=_JOIN_PRIORITY,
        max_attempts=_JOIN_ATTEMPTS,
        on_parent_failure="run",
        tags=[JOIN_TAG],
        **options,
    )


def with_join(start: Start, run: WorkflowRun, *, run_name: str) -> Start:
    """The start with a join that waits for its tasks."""
    refs = [f"{start.key}/{number}" for number in range(len(start.specs))]
    start.specs = [replace(spec, ref=ref) for spec, ref in zip(start.specs, refs, strict=True)]
    start.join = make_join(run, start.key, run_name=run_name, depends_on=refs)
    return start


class _CannotStartError(Exception):
    def __init__(self, class_name: str, message: str) -> None:
        super().__init__(message)
        self.class_name = class_name


def _condition_holds(step: Step, scopes: Scopes) -> bool:
    holds = _evaluate(step, "when", step.when, scopes)
    if not isinstance(holds, bool):
        raise _CannotStartError(
            "ExpressionError",
            f"Step {step.key!r}, when: it must give true or false, not {_describe_type(holds)}.",
        )
    return holds


def _start_tasks(run: WorkflowRun, step: Step, scopes: Scopes, run_name: str) -> Start | StepEnd:
    if step.for_each is None:
        payload = _render(step, scopes)
        start = Start(
            step.key,
            specs=[_spec(run, step, payload)],
            task_ids=[None],
            payload_bytes=len(dump_jsonb(payload)),
        )
        return with_join(start, run, run_name=run_name)
    items = _items(step, scopes)
    if not items:
        return completed(step.key, [])
    start = Start(step.key, task_ids=[None] * len(items))
    start.specs = list(_specs_of_items(run, step, scopes, items, start))
    return with_join(start, run, run_name=run_name)


def _specs_of_items(
    run: WorkflowRun, step: Step, scopes: Scopes, items: Sequence[Any], start: Start
) -> Iterator[TaskSpec]:
    for index, item in enumerate(items):
        payload = _render(step, scopes, item, index)
        start.payload_bytes += len(dump_jsonb(payload))
        if start.payload_bytes > MAX_PAYLOAD_BYTES:
            raise _CannotStartError(
                "TooLarge",
                f"Step {step.key!r}: the payloads of its {len(items)} items have more than "
                f"{MAX_PAYLOAD_BYTES} bytes together, which is the limit.",
            )
        yield _spec(run, step, payload, index)


def _spec(run: WorkflowRun, step: Step, payload: Any, index: int | None = None) -> TaskSpec:
    if not isinstance(payload, dict):
        raise _CannotStartError(
            "ExpressionError",
            f"Step {step.key!r}, payload: it must give an object, not {_describe_type(payload)}.",
        )
    name = step.name or step.key
    if index is not None:
        suffix = f" [{index}]"
        name = name[: _MAX_NAME_LENGTH - len(suffix)] + suffix
    return TaskSpec(
        type=step.type,
        payload=payload,
        name=name,
        queue=step.queue,
        priority=step.priority or 0,
        max_attempts=step.max_attempts,
        timeout_seconds=step.timeout_seconds,
        retry=step.retry,
        tags=step.tags or (),
        workflow_run_id=run.id,
        step_key=step.key,
    )


def _items(step: Step, scopes: Scopes) -> list[Any]:
    items = step.for_each
    if not isinstance(items, list | tuple):
        items = _evaluate(step, "forEach", items, scopes)
    if not isinstance(items, list | tuple):
        raise _CannotStartError(
            "ExpressionError",
            f"Step {step.key!r}, forEach: it must give a list, not {_describe_type(items)}.",
        )
    limit = min(settings.TASKPLANE["BULK_MAX"], MAX_PARENTS)
    if len(items) > limit:
        raise _CannotStartError(
            "TooLarge",
            f"Step {step.key!r}, forEach: the list has {len(items)} items; the limit is {limit}.",
        )
    return list(items)


def _start_wait(run: WorkflowRun, step: Step, scopes: Scopes, run_name: str) -> Start | StepEnd:
    payload = _require_object(step, _render(step, scopes))
    until = _wait_until(step, payload)
    if until <= now():
        return completed(step.key, None)
    return Start(
        step.key,
        state=StepState.WAITING,
        join=make_join(run, step.key, run_name=run_name, run_at=until),
        wait_until=until,
    )


def _wait_until(step: Step, payload: dict[str, Any]) -> datetime:
    if payload.get("seconds") is not None:
        return now() + _duration(step, "seconds", payload["seconds"])
    try:
        until = parse_time(payload.get("until"))
    except ValueError as error:
        expected = str(error).removesuffix(".")
        raise _invalid_field(step, "until", expected[0].lower() + expected[1:]) from None
    if until > now() + MAX_WAIT:
        raise _invalid_field(step, "until", "at most 10 years from now")
    return until.astimezone(UTC)


def _start_approval(run: WorkflowRun, step: Step, scopes: Scopes, run_name: str) -> Start | StepEnd:
    payload = _require_object(step, _render(step, scopes))
    message = payload.get("message") or "A person must decide."
    if not isinstance(message, str):
        raise _invalid_field(step, "message", "text")
    start = Start(
        step.key,
        state=StepState.WAITING,
        reason=reason(ReasonCode.APPROVAL, message[:2_000]),
    )
    if payload.get("timeoutSeconds") is not None:
        wait = _duration(step, "timeoutSeconds", payload["timeoutSeconds"])
        start.wait_until = now() + wait
        start.join = make_join(run, step.key, run_name=run_name, run_at=start.wait_until)
    return start


def _start_child(_run: WorkflowRun, step: Step, scopes: Scopes, _run_name: str) -> Start | StepEnd:
    payload = _require_object(step, _render(step, scopes))
    workflow = payload.get("workflow")
    if not isinstance(workflow, str):
        raise _invalid_field(step, "workflow", "the name or the id of a workflow")
    value = payload.get("input", {})
    return Start(step.key, child=(workflow, value), payload_bytes=len(dump_jsonb(value)))


_KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "a truth value"),
    (int | float, "a number"),
    (str, "a text"),
    (list | tuple, "a list"),
    (dict, "an object"),
)
_Prepare = Callable[[WorkflowRun, Step, Scopes, str], Start | StepEnd]
_PREPARE: dict[StepKind, _Prepare] = {
    StepKind.TASK: _start_tasks,
    StepKind.WAIT: _start_wait,
    StepKind.APPROVAL: _start_approval,
    StepKind.WORKFLOW: _start_child,
}


def _duration(step: Step, name: str, seconds: Any) -> timedelta:
    limit = MAX_WAIT.total_seconds()
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= limit:
        raise _invalid_field(step, name, f"a number of seconds from 0 to {limit:.0f} (10 years)")
    return timedelta(seconds=seconds)


def _describe_type(value: Any) -> str:
    """The JSON type of a value in words."""
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    return "nothing"


def _require_object(step: Step, payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise _invalid_field(step, "payload", "an object")
    return payload


def _invalid_field(step: Step, name: str, expected: str) -> _CannotStartError:
    return _CannotStartError("PayloadRefused", f"Step {step.key!r}: {name} must be {expected}.")


def _evaluate(step: Step, what: str, expression: Any, scopes: Scopes) -> Any:
    try:
        return expression.evaluate(scopes.make(expression.steps), scopes.budget)
    except ExpressionError as error:
        raise _CannotStartError(
            "ExpressionError",
            f"Step {step.key!r}, {what}, column {error.column}: {error.message}"
            + scopes.explain_missing(expression.steps),
        ) from error


def _render(step: Step, scopes: Scopes, item: Any = None, index: int | None = None) -> Any:
    try:
        scope = scopes.make(step.template.steps, item, index)
        return step.template.render(scope, scopes.budget)
    except TemplateError as error:
        place = f"payload{'.' if error.path and error.path[0] != '[' else ''}{error.path}"
        which = "" if index is None else f", item {index}"
        raise _CannotStartError(
            "ExpressionError",
            f"Step {step.key!r}{which}, {place}, column {error.column}: {error.message}"
            + scopes.explain_missing(step.template.steps),
        ) from error
