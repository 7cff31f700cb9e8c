"""The content of the page of a task."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controlplane.core.admin.display import Summary, Table, badge, folded, link, show_time
from controlplane.core.formatting import EMPTY, format_elapsed, format_number, format_state, shorten
from controlplane.core.schema import represent, represent_value
from tasks_app.models import Task
from tasks_app.queries import explain_task, get_task_detail
from tasks_app.schema.tasks import TaskDetail
from tasks_app.states import AttemptOutcome

_TASK_PAGE = "tasks_app_task"


def describe_task(task: Task) -> dict[str, Any]:
    """The context of the template. Raises NotFound."""
    detail: Any = get_task_detail(task.workspace_id, task.id)
    explanation = explain_task(task.workspace_id, task.id)
    reason, links = str(explanation.reason), []
    if task.reprocess_of:
        links.append(link(_TASK_PAGE, task.reprocess_of, f"Reprocesses task {task.reprocess_of}"))
    links += [link(_TASK_PAGE, t, f"Reprocessed as task {t}") for t in detail.reprocessed_as]
    return {
        "summary": Summary(
            badge=badge(task.state, task.get_state_display()),
            state=task.state,
            lead=explanation.detail,
            lines=[] if reason == task.state else [f"Reason: {format_state(reason)}."],
            links=links,
        ),
        "more_sections": [
            _attempts(detail),
            _neighbours(
                f"Depends on ({detail.dependencies_total})",
                detail.dependencies,
            ),
            _neighbours(
                f"Dependent tasks ({detail.dependents_total})",
                detail.dependents,
            ),
            _logs(detail),
        ],
    }


def _attempts(detail: Any) -> Table:
    return Table(
        f"Attempts ({detail.attempts_total})",
        ["Number", "Outcome", "Node", "Started (UTC)", "Run time", "Waited (ms)", "Error"],
        [
            [
                each.attempt,
                AttemptOutcome(each.outcome).label,
                each.worker_node or EMPTY,
                _exact(each.started_at),
                format_elapsed(each.started_at, each.finished_at),
                format_number(each.wait_ms),
                _error(represent_value("error", each.error, None)),
            ]
            for each in detail.attempts
        ],
        empty="No attempts yet.",
        numbers=frozenset({"Run time", "Waited (ms)"}),
    )


def _error(error: Any) -> str:
    if not error:
        return ""
    message = f"{error.get('class')}: {error.get('message')}"
    return folded(shorten(message, 120), error.get("traceback") or f"{message}\nNo traceback.")


def _neighbours(title: str, neighbours: Iterable[Any]) -> Table:
    return Table(
        title,
        ["Task", "Type", "State", "Finished", "Satisfied"],
        [
            [
                link(_TASK_PAGE, other.pk, other.name),
                other.type,
                badge(other.state, other.get_state_display()),
                show_time(other.finished_at),
                format_number(other.is_satisfied),
            ]
            for other in neighbours
        ],
    )


def _logs(detail: Any) -> Table:
    lines = represent(TaskDetail, detail, None, fields=("logs",))["logs"]
    return Table(
        f"Newest log lines ({detail.logs_total})",
        ["Time (UTC)", "Attempt", "Level", "Message", "Fields"],
        [
            [
                _exact(datetime.fromisoformat(line["at"])),
                line["attempt"],
                line["level"],
                line["message"],
                line["fields"] or "",
            ]
            for line in lines
        ],
        empty="No log lines.",
    )


def _exact(moment: datetime | None) -> str:
    return EMPTY if moment is None else f"{moment:%Y-%m-%d %H:%M:%S.%f}"[:-3]
