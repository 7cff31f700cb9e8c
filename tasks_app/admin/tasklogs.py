"""The log lines of a task: the newest on its page, older ones page by page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from controlplane.core.clock import utc_z
from controlplane.core.schema import represent
from controlplane.core.visibletext import visible_text
from controlplane.workspaces.adminaccess import actor_in
from tasks_app.admin.jsontext import show_value
from tasks_app.admin.trails import trail_of
from tasks_app.models import Task
from tasks_app.queries.tasklogs import list_logs_before
from tasks_app.schema.tasks import Log
from tasks_app.templatetags.tasks import exact_clock_text

_MAX_ID = 2**63 - 1


def describe_lines(lines: Sequence[Mapping[str, Any]], position: int) -> list[dict[str, Any]]:
    """Lines as they are drawn, newest first; the first is number `position` of the task. A line
    keeps its number while others come."""
    return [
        {
            "id": position - index,
            "attempt": line["attempt"],
            "at": datetime.fromisoformat(line["at"]),
            "level": line["level"],
            "message": visible_text(line["message"]),
            "more": show_value(line["fields"], is_short=True).text if line["fields"] else "",
        }
        for index, line in enumerate(lines)
    ]


def to_json(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For tasknow.js."""
    return [
        {**line, "at": utc_z(line["at"]), "clock": exact_clock_text(line["at"])} for line in lines
    ]


def older_url(task: Task, line_id: int | None) -> str:
    """The page of the lines before one; empty without one."""
    if line_id is None:
        return ""
    return f"{reverse('admin:tasks_app_task_logs', args=[task.id])}?before={line_id}"


def describe_older(request: HttpRequest, task: Task) -> dict[str, Any]:
    """The context of the page with older lines; without `before` those are the newest."""
    given = request.GET.get("before", "")
    before = min(int(given), _MAX_ID) if given.isascii() and given.isdigit() else _MAX_ID
    page = list_logs_before(task.id, before)
    actor = actor_in(request, task.workspace_id)
    lines = describe_lines([represent(Log, line, actor) for line in page.lines], page.position)
    last = page.lines[-1].id if page.has_more else None
    return {
        "title": "Log lines",
        "original": task,
        "trail": trail_of(task, "Log lines"),
        "name": visible_text(task.name),
        "log_lines": lines,
        "first": page.position,
        "last": page.position - len(lines) + 1,
        "older_url": older_url(task, last),
        "newest_url": ""
        if before == _MAX_ID
        else reverse("admin:tasks_app_task_logs", args=[task.id]),
    }
