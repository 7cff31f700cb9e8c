"""How the work of a workspace went over a span of time."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.ops.performance.drawings import draw_all
from controlplane.ops.performance.files import describe_menus, read_type
from controlplane.ops.performance.nodework import read_node_work
from controlplane.ops.performance.queries import VIEW_QUEUE, VIEW_SCALING, list_marks
from controlplane.ops.performance.span import PRESETS, Span, read_span
from controlplane.ops.performance.steps import read_figures, read_steps
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.chosen import choose_workspace
from scaling.queries.pool import read_objective
from tasks_app.admin.links import quoted, tasks_url
from tasks_app.queries.performance import Figures, Performance
from workers.queries import VIEW_NODE

_MAX_MARKS = 20
# By what the page leaves out without it.
_NEEDED = {"scaling": VIEW_SCALING, "nodes": VIEW_NODE, "queues": VIEW_QUEUE}


def performance(request: HttpRequest) -> HttpResponse:
    """The charts of one workspace. Raises PermissionDenied: the person has no role anywhere, or
    none in the workspace that the address names."""
    workspaces = list_own_workspaces(request)
    workspace = choose_workspace(request, workspaces)
    if workspace is None:
        raise PermissionDenied("You have no role in any workspace: ask an administrator for one.")
    request.shown_workspace = workspace.slug  # type: ignore[attr-defined] # the frame says it
    span = read_span(request.GET, now())
    user: Any = request.user
    type_name = read_type(request)
    context = {
        **admin.site.each_context(request),
        "title": "Performance",
        "workspace": workspace,
        "workspaces": workspaces,
        "span": span,
        "type": type_name,
        "presets": [
            (name, _address(span=name, workspace=workspace.slug, type=type_name))
            for name in PRESETS
        ],
        "base": _address(workspace=workspace.slug, type=type_name),
        "without_type": f"?{span.query}&{urlencode({'workspace': workspace.slug})}",
        **_describe(workspace, span, type_name, user.has_perm),
    }
    return TemplateResponse(request, "performance/page.html", context)


def _describe(
    workspace: Any, span: Span, type_name: str, may: Callable[[str], bool]
) -> dict[str, Any]:
    """The figures; a part that cannot be read in time or needs a permission that is missing says
    so, and the others stay."""
    denied = {kind: needed for kind, needed in _NEEDED.items() if not may(needed)}
    context: dict[str, Any] = {"problem": "", "nodes": [], "nodes_problem": "", "denied": denied}
    marks = list_marks(workspace.id, span, may)
    context["marks"] = marks[:_MAX_MARKS]
    try:
        found = read_figures(workspace.id, span, [type_name] if type_name else [])
    except Invalid as error:
        return {**context, "problem": str(error)}
    steps = read_steps(workspace.id, span, found)
    context |= {
        "found": found,
        "figures": describe_figures(found),
        "types": [_row(name, figures, span, workspace.slug) for name, figures in found.by_type],
    }
    try:
        if "nodes" not in denied:
            context["nodes"], context["measured"] = read_node_work(span)
    except Invalid as error:
        context["nodes_problem"] = str(error)
    rows = {"steps": len(steps), "types": len(found.by_type), "nodes": len(context["nodes"])}
    menus = describe_menus(workspace.slug, span, type_name, rows)
    drawings = draw_all(found, span, steps, marks, read_objective() * 1_000)
    return {
        **context,
        "menus": menus,
        "drawings": [(drawing, menus[drawing.key]) for drawing in drawings],
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
