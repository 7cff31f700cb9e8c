"""The rows of the list of tasks: what each column shows, and what happened in a line."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode

from controlplane.core.formatting import format_count, shorten
from controlplane.core.schema import represent_row, represent_value
from controlplane.core.schema.values import join_values
from controlplane.core.visibletext import visible_text
from controlplane.workspaces.actors import Actor
from tasks_app.queries.tasklist import TaskPage
from tasks_app.schema.tasks import Task as TaskSchema
from tasks_app.states import TaskState

LINE_LENGTH = 160
FIELDS = (
    "id", "name", "type", "status", "queue", "priority", "error", "attempt", "maxAttempts",
    "progress", "runAt", "tags", "submittedBy", "workerNode", "cancelRequested", "createdAt",
    "startedAt", "finishedAt", "waitMs", "processingMs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened in one line; `at` is a time that stands before the text. `url` leads to tasks
    with the same failure."""

    text: str = ""
    at: datetime | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A task as a row. `task` has its fields as the person may see them, by their API's names."""

    task: Mapping[str, Any]
    url: str
    name: str
    what: Happening
    workspace: str
    workspace_id: UUID
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    node_url: str
    tags: Sequence[str]
    submitter: str


def make_rows(
    page: TaskPage, workspaces: Mapping[UUID, str], actors: Mapping[UUID, Actor]
) -> list[Row]:
    """The rows of a page. `workspaces` are the slugs of those in it, `actors` is the person with
    their role in each."""
    return [
        _make_row(task, page.results, workspaces, actors[task.workspace_id]) for task in page.rows
    ]


def _make_row(
    task: Any, results: Mapping[UUID, Any], workspaces: Mapping[UUID, str], actor: Actor
) -> Row:
    shown = represent_row(TaskSchema, task, actor, fields=FIELDS)
    outcome = represent_value("result", results.get(task.id), actor)
    return Row(
        task=shown,
        url=reverse("admin:tasks_app_task_change", args=[task.id]),
        name=visible_text(shown["name"]),
        what=describe(shown, task.run_at, outcome, task.blocked_by),
        workspace=workspaces.get(task.workspace_id, ""),
        workspace_id=task.workspace_id,
        created_at=task.created_at,
        started_at=task.started_at,
        finished_at=task.finished_at,
        node_url=find_node_url(shown["workerNode"]),
        tags=[visible_text(tag) for tag in shown["tags"]],
        submitter=visible_text((shown["submittedBy"] or "").partition(":")[2]),
    )


def describe(
    task: Mapping[str, Any], run_at: datetime | None, outcome: Any, blocked_by: int
) -> Happening:
    """What happened to a task, or what it waits for. `outcome` is its result, if that is short."""
    match task["status"]:
        case TaskState.PENDING:
            return Happening("ready, waits for a slot")
        case TaskState.BLOCKED:
            return Happening(f"waits for {format_count(blocked_by, 'task')}")
        case TaskState.SCHEDULED:
            return Happening("", run_at)
        case TaskState.RETRYING:
            return Happening(_error_line(task["error"]) or "next attempt", run_at, _alike_url(task))
        case TaskState.RUNNING:
            return Happening(_describe_running(task))
        case TaskState.COMPLETED:
            return Happening(_describe_result(outcome))
        case TaskState.CANCELLED:
            return Happening(_line(str((task["error"] or {}).get("message") or "")))
    return Happening(_error_line(task["error"]), None, _alike_url(task))


def _describe_running(task: Mapping[str, Any]) -> str:
    text = f"attempt {task['attempt']} of {task['maxAttempts']}"
    if task["cancelRequested"]:
        return f"{text}, asked to stop"
    return f"{text}, {task['progress']:g}% done" if task["progress"] else text


def _describe_result(outcome: Any) -> str:
    """A short result: the one text or number in it, or its JSON."""
    if outcome is None:
        return ""
    if isinstance(outcome, dict) and len(outcome) == 1:
        ((name, value),) = outcome.items()
        if not isinstance(value, dict | list):
            return _line(f"{name}: {_plain(value)}")
    return _line(_plain(outcome))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _error_line(error: Mapping[str, Any] | None) -> str:
    if not error:
        return ""
    parts = [str(error.get(name) or "") for name in ("class", "message")]
    return _line(": ".join(part for part in parts if part))


def _line(text: str) -> str:
    return shorten(visible_text(" ".join(text.split())), LINE_LENGTH)


def _alike_url(task: Mapping[str, Any]) -> str:
    """Tasks of this type with this error."""
    name = (task["error"] or {}).get("class")
    if not isinstance(name, str) or not name or "\x00" in name or len(name) > 1_000:
        return ""
    query = {"errorClass": join_values([name]), "type": join_values([task["type"]])}
    return f"{reverse('admin:tasks_app_task_changelist')}?{urlencode(query)}"


def find_node_url(name: str | None) -> str:
    """The page of a node, whose name ends with its number: `vm#12`."""
    number = (name or "").rpartition("#")[2]
    return reverse("admin:workers_node_change", args=[number]) if number.isdecimal() else ""


def workspaces_in(rows: Sequence[Any]) -> set[UUID]:
    return {row.workspace_id for row in rows}
