"""How the work of a workspace went over a span of time."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from controlplane.core.admin.marks import choose_marks
from controlplane.core.clock import now
from controlplane.core.errors import Invalid, NotFound
from controlplane.ops.performance.drawings import draw_all
from controlplane.ops.performance.files import describe_menus, read_type
from controlplane.ops.performance.nodedrawings import describe_node_figures, draw_node
from controlplane.ops.performance.nodework import read_node_work
from controlplane.ops.performance.queries.marks import (
    VIEW_QUEUE,
    VIEW_SCALING,
    Happened,
    list_marks,
)
from controlplane.ops.performance.queries.nodesteps import read_node_span
from controlplane.ops.performance.span import PRESETS, Span, read_span
from controlplane.ops.performance.steps import read_figures, read_steps
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.chosen import choose_workspace
from scaling.queries.pool import read_objective
from tasks_app.admin.links import quoted, tasks_url
from tasks_app.queries.performance import Figures, Performance
from workers.queries import VIEW_NODE, find_node

if TYPE_CHECKING:
    from workers.models import Node

_MAX_MARKS = 20
_MAX_NAME = 200
# By what the page leaves out without it.
_NEEDED = {"scaling": VIEW_SCALING, "nodes": VIEW_NODE, "queues": VIEW_QUEUE}


def performance(request: HttpRequest) -> HttpResponse:
    """The charts of one workspace, or of one node. Raises PermissionDenied: the person has no role
    anywhere, or none in the workspace that the address names, or may not see the node."""
    workspaces = list_own_workspaces(request)
    workspace = choose_workspace(request, workspaces)
    if workspace is None:
        raise PermissionDenied("You have no role in any workspace: ask an administrator for one.")
    request.shown_workspace = workspace.slug  # type: ignore[attr-defined] # the frame says it
    span = read_span(request.GET, now())
    user: Any = request.user
    node, problem = _find_node(request, user.has_perm)
    # The samples of a node are not kept by type.
    type_name = "" if node else read_type(request)
    filters = {
        "workspace": workspace.slug, "type": type_name, "node": str(node.id) if node else "",
    }  # fmt: skip
    context = {
        **admin.site.each_context(request),
        "title": "Performance",
        "workspace": workspace,
        "workspaces": workspaces,
        "span": span,
        "type": type_name,
        "chosen_node": node,
        "presets": [(name, _address(span=name, **filters)) for name in PRESETS],
        "base": _address(**filters),
        "unfiltered": f"?{span.query}&{urlencode({'workspace': workspace.slug})}",
        "problem": problem,
        **({} if problem else _describe(workspace, span, node or type_name, user.has_perm)),
    }
    return TemplateResponse(request, "performance/page.html", context)


def _find_node(request: HttpRequest, may: Callable[[str], bool]) -> "tuple[Node | None, str]":
    """The node of the address, by its id or its name, or why it cannot be shown."""
    text = request.GET.get("node", "")
    if not text:
        return None, ""
    if not may(VIEW_NODE):
        raise PermissionDenied(f"You may not see nodes. It needs the permission {VIEW_NODE}.")
    try:
        return find_node(text[:_MAX_NAME].replace("\0", "")), ""
    except NotFound as error:
        return None, str(error)


def _describe(
    workspace: Any, span: Span, shown: "Node | str", may: Callable[[str], bool]
) -> dict[str, Any]:
    """The figures of a node, or of the tasks of a type (of all, if it is empty); a part that cannot
    be read in time or needs a permission that is missing says so, and the others stay."""
    denied = {kind: needed for kind, needed in _NEEDED.items() if not may(needed)}
    happened = list_marks(workspace.id, span, may)
    listed = choose_marks(happened.marks, _MAX_MARKS, cut=happened.cut)
    context: dict[str, Any] = {
        "nodes": [],
        "nodes_problem": "",
        "denied": denied,
        "marks": listed.marks[::-1],
        "marks_left_out": listed.left_out,
    }
    try:
        if isinstance(shown, str):
            context |= _describe_tasks(workspace, span, shown, happened)
        else:
            context |= _describe_node(shown, span, happened)
    except Invalid as error:
        return {**context, "problem": str(error)}
    try:
        if "nodes" not in denied:
            context["nodes"], context["measured"] = read_node_work(span)
    except Invalid as error:
        context["nodes_problem"] = str(error)
    rows = {**context["rows"], "nodes": len(context["nodes"])}
    type_name = shown if isinstance(shown, str) else ""
    menus = describe_menus(workspace.slug, span, type_name, rows)
    # The files of the charts are those of a workspace.
    charts = menus if isinstance(shown, str) else {}
    return {
        **context,
        "menus": menus,
        "drawings": [(drawing, charts.get(drawing.key)) for drawing in context["drawings"]],
    }


def _describe_tasks(
    workspace: Any, span: Span, type_name: str, happened: Happened
) -> dict[str, Any]:
    """Raises Invalid when reading the figures takes too long."""
    found = read_figures(workspace.id, span, [type_name] if type_name else [])
    steps = read_steps(workspace.id, span, found)
    return {
        "figures": describe_figures(found),
        "types": [_row(name, figures, span, workspace.slug) for name, figures in found.by_type],
        "rows": {"steps": len(steps), "types": len(found.by_type)},
        "drawings": draw_all(found, span, steps, happened, read_objective() * 1_000),
    }


def _describe_node(node: "Node", span: Span, happened: Happened) -> dict[str, Any]:
    """Raises Invalid when reading its samples takes too long."""
    found = read_node_span(node, span)
    return {
        "figures": describe_node_figures(found),
        "rows": {"steps": len(found.steps), "types": 0},
        "drawings": draw_node(found, span, happened, read_objective() * 1_000),
    }


def describe_figures(found: Performance) -> dict[str, Any]:
    """The key figures of the whole span."""
    total, seconds = found.total, found.seconds
    return {
        "submitted": total.submitted,
        "arrival_rate": total.submitted / seconds,
        "ended": total.completed + total.failed_tasks,
        "end_rate": (total.completed + total.failed_tasks) / seconds,
        "error_rate": total.error_rate,
        "failed": total.failed_tasks,
        "wait": total.queueing_ms,
        "run": total.processing_ms,
    }


def _row(name: str, figures: Figures, span: Span, workspace: str) -> dict[str, Any]:
    """One type, with the tasks that failed in the span."""
    return {
        "name": name,
        "figures": figures,
        "ended": figures.completed + figures.failed_tasks,
        "wait": figures.queueing_ms,
        "run": figures.processing_ms,
        "url": f"?{span.query}&{urlencode({'workspace': workspace, 'type': name})}",
        "failed_url": tasks_url(
            workspace=workspace,
            type=quoted(name),
            status="FAILED",
            finishedAfter=span.begin,
            finishedBefore=span.end,
        ),
    }


def _address(**params: str) -> str:
    return "?" + urlencode({name: value for name, value in params.items() if value})
