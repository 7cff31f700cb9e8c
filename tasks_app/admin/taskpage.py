"""What the page of one task shows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from controlplane.core.clock import now
from controlplane.core.schema import represent
from controlplane.core.visibletext import visible_text
from controlplane.workspaces.adminaccess import actor_in, is_allowed
from controlplane.workspaces.queries import list_events_of
from controlplane.workspaces.states import Role
from tasks_app.admin.attempts import describe_attempts
from tasks_app.admin.curl import make_curl
from tasks_app.admin.facts import describe_facts
from tasks_app.admin.jsontext import show_value
from tasks_app.admin.listrows import find_node_url
from tasks_app.admin.related import RelatedLink, find_links
from tasks_app.admin.taskactions import list_actions
from tasks_app.admin.tasklogs import describe_lines, older_url
from tasks_app.labels import describe_in_line
from tasks_app.models import Task
from tasks_app.queries import explain_task, get_task_detail
from tasks_app.queries.declarations import read_catalogue
from tasks_app.queries.queue_descriptors import describe_queue
from tasks_app.schema.tasks import Explanation, TaskDetail
from tasks_app.states import TaskState

NEIGHBOURS_SHOWN = 10
_EVENTS_SHOWN = 10
_MAX_LEAD = 160
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The first parents or children, and how many there are; there may be some later."""

    title: str
    side: str
    rows: Sequence[Mapping[str, Any]]
    total: int
    url: str


def describe_task(request: HttpRequest, task: Task) -> dict[str, Any]:
    """The context of the template. Raises NotFound."""
    actor = actor_in(request, task.workspace_id)
    detail = get_task_detail(task.workspace_id, task.id)
    shown = represent(TaskDetail, detail, actor)
    explanation = represent(Explanation, explain_task(task.workspace_id, task.id), actor)
    may_act = is_allowed(request, Role.OPERATOR, task.workspace_id)
    name = visible_text(task.name)
    catalogue = read_catalogue()
    declared = catalogue.get(task.type)
    return {
        "title": name,
        "live_workspace": task.workspace.slug,
        "changes_url": reverse("admin:tasks_app_task_changes", args=[task.id]),
        "task": shown,
        "name": name,
        "explanation": explanation,
        "sentence": describe_sentence(explanation["detail"]),
        "explained_at": now(),
        "may_act": may_act,
        "actions": list_actions(shown) if may_act else [],
        "curl": make_curl(request, task, shown),
        "attempts": describe_attempts(shown, task.run_at, task.round_attempts),
        "log_lines": describe_lines(shown["logs"][::-1], shown["logsTotal"]),
        "older_lines_url": older_url(task, detail.older_than),
        "sent": show_value(shown["payload"]),
        "returned": None if shown["result"] is None else show_value(shown["result"]),
        "result_words": _explain_no_result(shown),
        "facts": describe_facts(task, shown, declared),
        "runbook": declared.descriptor.runbook,
        "links": [*_own_links(task, shown), *find_links(request, task.workspace_id, task.id)],
        "families": list(_families(task, shown)),
        "catalogue": catalogue,
        "events": _list_events(request, task),
    }


def _explain_no_result(shown: Mapping[str, Any]) -> str:
    if shown["status"] == TaskState.COMPLETED:
        return "None: its handler returned nothing."
    return "None: only a completed task has a result." if shown["finishedAt"] else "None yet."


def describe_sentence(detail: str) -> dict[str, list[tuple[str, datetime | None]]]:
    """The sentence in two halves, each in parts: the first says what is, the rest says why."""
    text = visible_text(detail)
    lead, colon, rest = text.partition(": ")
    if not colon or len(lead) > _MAX_LEAD:
        lead, rest = text, ""
    return {
        "lead": list(split_moments(lead + (":" if rest else ""))),
        "rest": list(split_moments(rest)),
    }


def split_moments(sentence: str) -> Iterator[tuple[str, datetime | None]]:
    """The sentence in parts: texts, and times that it names."""
    end = 0
    for found in _MOMENT.finditer(sentence):
        if found.start() > end:
            yield sentence[end : found.start()], None
        try:
            yield found[0], datetime.fromisoformat(found[0])
        except ValueError:
            yield found[0], None
        end = found.end()
    if end < len(sentence):
        yield sentence[end:], None


def _own_links(task: Task, shown: Mapping[str, Any]) -> Iterator[RelatedLink]:
    """Links that the row itself knows."""
    yield RelatedLink(
        "queues",
        shown["queue"],
        describe_in_line(describe_queue(task.queue)) or "queue",
        reverse("admin:tasks_app_queue_change", args=[task.queue_id]),
    )
    if node_url := find_node_url(shown["workerNode"]):
        note = "node that runs it" if task.node_id else "node of the last attempt"
        yield RelatedLink("workers", shown["workerNode"], note, node_url)
    if task.workflow_run_id:
        url = reverse("admin:workflows_workflowrun_change", args=[task.workflow_run_id])
        yield RelatedLink("workflows", f"Step {shown['stepKey']}", "of a workflow run", url)
    if task.reprocess_of:
        url = reverse("admin:tasks_app_task_change", args=[task.reprocess_of])
        yield RelatedLink(
            "undo", f"Task …{str(task.reprocess_of)[-12:]}", "whose work it does again", url
        )
    for each in shown["reprocessedAs"]:
        url = reverse("admin:tasks_app_task_change", args=[each])
        yield RelatedLink("redo", f"Task …{each[-12:]}", "does this work again", url)


def _families(task: Task, shown: Mapping[str, Any]) -> Iterator[Neighbours]:
    page = reverse("admin:tasks_app_task_family", args=[task.id])
    for title, side, key in (
        ("Waits for", "parents", "dependencies"),
        ("Waited for by", "children", "dependents"),
    ):
        rows = [describe_neighbour(each) for each in shown[key][:NEIGHBOURS_SHOWN]]
        yield Neighbours(title, side, rows, shown[f"{key}Total"], f"{page}?side={side}")


def describe_neighbour(edge: Mapping[str, Any]) -> dict[str, Any]:
    """A parent or child as a row."""
    finished = edge["finishedAt"]
    return {
        **edge,
        "name": visible_text(edge["name"]),
        "url": reverse("admin:tasks_app_task_change", args=[edge["id"]]),
        "finished_at": datetime.fromisoformat(finished) if finished else None,
        "wait": describe_wait(edge["isSatisfied"]),
    }


def describe_wait(is_satisfied: bool) -> str:
    """Whether a child still waits for its parent."""
    return "over" if is_satisfied else "open"


def _list_events(request: HttpRequest, task: Task) -> dict[str, Any] | None:
    """The audit of the task, for those who may read the log."""
    if not is_allowed(request, Role.ADMIN, task.workspace_id):
        return None
    events = list(list_events_of(task.workspace_id, "task", str(task.id))[: _EVENTS_SHOWN + 1])
    rows = [
        {
            "at": event.created_at,
            "who": event.actor_label,
            "who_url": reverse("admin:workspaces_apikey_change", args=[event.actor_id])
            if event.actor_kind == "key" and event.actor_id
            else "",
            "action": event.action,
            "url": reverse("admin:workspaces_auditevent_change", args=[event.id]),
        }
        for event in events[:_EVENTS_SHOWN]
    ]
    return {
        "rows": rows,
        "has_more": len(events) > _EVENTS_SHOWN,
        "url": reverse("admin:tasks_app_task_history", args=[task.id]),
    }
