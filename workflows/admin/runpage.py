"""What the page of one run shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.clock import now
from workflows import selectors
from workflows.admin.forms import pretty
from workflows.admin.graph import draw
from workflows.admin.pages import badge
from workflows.selectors.results import get_results
from workflows.states import ENDED_RUNS, RunState, StepKind, StepState

_STEPS_ON_PAGE = 200
_MOST_OPEN = 20
_LONGEST_RESULT = 2_000


@dataclass(frozen=True, slots=True)
class StepRow:
    """One line of the table; `number` is the step's place in the run."""

    number: int
    step: Any
    badge: str
    duration: str
    tasks_url: str
    tasks_text: str
    child_url: str
    result: str

    @property
    def needs_person(self) -> bool:
        """Whether somebody has to decide."""
        is_open = self.step.state == StepState.WAITING.value
        return bool(is_open and self.step.kind == StepKind.APPROVAL.value)


def describe_page(workspace_id: UUID, run_id: UUID, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The context of the template. Raises NotFound."""
    view = selectors.describe_run(selectors.get_run(workspace_id, run_id))
    steps = list(enumerate(view.steps))
    page = Paginator(steps, _STEPS_ON_PAGE).get_page(asked.get("steps_page"))
    attention = [pair for pair in steps if _needs_attention(pair[1])][:_MOST_OPEN]
    shown = [step.key for _, step in page]
    results = get_results(workspace_id, run_id, shown)
    graph = draw(view.steps)
    boxes = [(node, view.steps[node.number], True) for node in graph.nodes] if graph else []
    return {
        "view": view,
        "rows": [_row(run_id, number, step, results.get(step.key)) for number, step in page],
        "attention": [_row(run_id, number, step, None) for number, step in attention],
        "steps_page": page,
        "graph": graph,
        "boxes": boxes,
        "error_text": pretty(view.run.error) if view.run.error else "",
        "duration": words_for(view.run.created_at, view.run.finished_at),
        "may_cancel": view.run.state == RunState.RUNNING.value,
        "may_retry": view.run.state in {RunState.FAILED.value, RunState.CANCELLED.value},
        "has_ended": view.run.state in {state.value for state in ENDED_RUNS},
    }


def _needs_attention(step: Any) -> bool:
    has_flags = step.state == StepState.WAITING.value and step.kind == StepKind.APPROVAL.value
    return bool(has_flags or step.state == StepState.FAILED.value)


def _row(run_id: UUID, number: int, step: Any, result: Any) -> StepRow:
    text = ""
    if result is not None:
        text = f"{result.size} bytes" if result.value is None else pretty(result.value)
        text = text if len(text) <= _LONGEST_RESULT else f"{text[:_LONGEST_RESULT]}…"
    child = step.child_run_id
    return StepRow(
        number=number,
        step=step,
        badge=badge(step.state),
        duration=words_for(step.started_at, step.finished_at),
        tasks_url=_tasks_url(run_id, step),
        tasks_text="task" if step.tasks_total == 1 else f"{step.tasks_ended}/{step.tasks_total}",
        child_url=reverse("admin:workflows_workflowrun_change", args=[child]) if child else "",
        result=text,
    )


def _tasks_url(run_id: UUID, step: Any) -> str:
    if not step.tasks_total:
        return ""
    if step.tasks_total == 1 and step.task_ids:
        return reverse("admin:tasks_app_task_change", args=[step.task_ids[0]])
    query = urlencode({"workflow_run_id__exact": run_id, "step_key__exact": step.key})
    return f"{reverse('admin:tasks_app_task_changelist')}?{query}"


def words_for(start: datetime | None, end: datetime | None) -> str:
    """How long, for people; of what has not ended, until now."""
    if start is None:
        return "-"
    seconds = max(0.0, ((end or now()) - start).total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
