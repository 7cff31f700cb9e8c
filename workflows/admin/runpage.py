"""What the page of one run shows, and the forms of its pages: the input of a run, a decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from controlplane.core.admin.display import Question, Summary, badge, link, show_time
from controlplane.core.admin.forms import JsonField, ServiceForm
from controlplane.core.clock import now
from controlplane.core.formatting import (
    format_elapsed,
    format_json,
    format_number,
    format_size,
    shorten,
)
from controlplane.core.schema import represent_value
from controlplane.core.schema.values import join_values
from workflows import queries
from workflows.admin.graph import draw
from workflows.queries.run_view import get_results
from workflows.schema.runs import MAX_COMMENT_LENGTH
from workflows.states import ENDED_RUNS, RunState, StepKind, StepState

_STEPS_ON_PAGE = 200
_MAX_ATTENTION = 20
_MAX_RESULT = 2_000


@dataclass(frozen=True, slots=True)
class StepRow:
    """One line of the table; `number` is the step's place in the run."""

    number: int
    step: Any
    badge: str
    started: str
    wait_until: str
    duration: str
    work: str
    result: str

    @property
    def needs_person(self) -> bool:
        """Whether a person must decide."""
        is_waiting = self.step.state == StepState.WAITING.value
        return bool(is_waiting and self.step.kind == StepKind.APPROVAL.value)

    @property
    def approval(self) -> Question:
        return decision_question(self.step.key, is_approved=True)

    @property
    def rejection(self) -> Question:
        return decision_question(self.step.key, is_approved=False)


def describe_page(workspace_id: UUID, run_id: UUID, params: Mapping[str, Any]) -> dict[str, Any]:
    """The context of the template. Raises NotFound."""
    view = queries.describe_run(queries.get_run(workspace_id, run_id))
    steps = list(enumerate(view.steps))
    page = Paginator(steps, _STEPS_ON_PAGE).get_page(params.get("steps_page"))
    attention = [pair for pair in steps if _needs_attention(pair[1])][:_MAX_ATTENTION]
    results = get_results(workspace_id, run_id, [step.key for _, step in page])
    graph = draw(view.steps)
    boxes = [(node, view.steps[node.number], True) for node in graph.nodes] if graph else []
    error = represent_value("error", view.run.error, None)
    return {
        "view": view,
        "summary": _summary(view),
        "rows": [_row(run_id, number, step, results.get(step.key)) for number, step in page],
        "attention": [_row(run_id, number, step, None) for number, step in attention],
        "steps_page": page,
        "graph": graph,
        "boxes": boxes,
        "error_text": format_json(error) if error else "",
        "may_cancel": view.run.state == RunState.RUNNING.value,
        "may_retry": view.run.state in {RunState.FAILED.value, RunState.CANCELLED.value},
    }


def _summary(view: Any) -> Summary:
    run = view.run
    has_ended = run.state in {state.value for state in ENDED_RUNS}
    is_stopping = run.cancel_requested_at and not has_ended
    return Summary(
        badge=badge(run.state, run.get_state_display()),
        percent=view.progress,
        lines=["Cancellation was requested."] if is_stopping else [],
        figures=[
            ("Steps ended", f"{run.steps_ended} of {run.steps_total}"),
            ("Run time" if has_ended else "Running for", _elapsed(run.created_at, run.finished_at)),
        ],
    )


def _needs_attention(step: Any) -> bool:
    is_open = step.state == StepState.WAITING.value and step.kind == StepKind.APPROVAL.value
    return bool(is_open or step.state == StepState.FAILED.value)


def _row(run_id: UUID, number: int, step: Any, result: Any) -> StepRow:
    text = ""
    if result is not None:
        text = format_size(result.size) if result.value is None else format_json(result.value)
    return StepRow(
        number=number,
        step=step,
        badge=badge(step.state),
        started=show_time(step.started_at),
        wait_until=show_time(step.wait_until),
        duration=_elapsed(step.started_at, step.finished_at),
        work=_work(run_id, step),
        result=shorten(text, _MAX_RESULT),
    )


def _work(run_id: UUID, step: Any) -> str:
    """A link to the work of the step: its task, its tasks or its run; otherwise its kind."""
    if step.tasks_total == 1 and step.task_ids:
        return link("tasks_app_task", step.task_ids[0], "task")
    if step.tasks_total:
        query = urlencode({"workflowRunId": str(run_id), "stepKey": join_values([step.key])})
        url = f"{reverse('admin:tasks_app_task_changelist')}?{query}"
        counted = f"{format_number(step.tasks_ended)} of {format_number(step.tasks_total)} tasks"
        return format_html('<a href="{}">{}</a>', url, counted)
    if step.child_run_id:
        return link("workflows_workflowrun", step.child_run_id, "run")
    return str(step.kind)


def _elapsed(start: Any, end: Any) -> str:
    """The duration; until now if it has not ended."""
    return format_elapsed(start, end or now())


_MAX_SAMPLE_DEPTH = 5
_MAX_PROPERTIES = 50
_EMPTY: dict[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "array": [],
    "null": None,
}


class InputForm(ServiceForm):
    """The input of a run as JSON."""

    input = JsonField(required=False, empty_value={}, help_text="JSON. Leave empty for {}.")


class DecisionForm(forms.Form):
    """A decision on an approval step."""

    CHOICES: ClassVar = [("approve", "Approve"), ("reject", "Reject")]

    step = forms.CharField(max_length=100)
    decision = forms.ChoiceField(choices=CHOICES)
    comment = forms.CharField(required=False, max_length=MAX_COMMENT_LENGTH)


def decision_question(step_key: str, *, is_approved: bool) -> Question:
    """What is asked before a decision."""
    if is_approved:
        text = "The run goes on with the steps that depend on it. The decision is final."
        return Question(f"Approve the step {step_key}?", text, "Approve")
    text = (
        "The step fails, and the run follows the step's rule for failures. The decision is final."
    )
    return Question(f"Reject the step {step_key}?", text, "Reject")


def sample_input(schema: Mapping[str, Any] | None) -> Any:
    """An initial value: the example, the default, or an empty value of each property."""
    return _sample(schema, 0) if schema else {}


def _sample(schema: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _MAX_SAMPLE_DEPTH:
        return None
    examples, choices = schema.get("examples"), schema.get("enum")
    if isinstance(examples, list) and examples:
        return examples[0]
    for name in ("default", "const"):
        if name in schema:
            return schema[name]
    if isinstance(choices, list) and choices:
        return choices[0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    properties = schema.get("properties")
    if kind == "object" or isinstance(properties, Mapping):
        return _sample_object(properties, depth)
    return _EMPTY.get(kind) if isinstance(kind, str) else None


def _sample_object(properties: Any, depth: int) -> dict[str, Any]:
    if not isinstance(properties, Mapping):
        return {}
    shown = list(properties.items())[:_MAX_PROPERTIES]
    return {str(name): _sample(each, depth + 1) for name, each in shown}
