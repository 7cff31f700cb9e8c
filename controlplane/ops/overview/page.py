"""The start page of the site."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from controlplane import __version__
from controlplane.core.formatting import format_duration
from controlplane.core.http.pathprefix import make_address
from controlplane.ops.overview.access import list_lacking
from controlplane.ops.overview.panels import PANELS, show_panel
from controlplane.ops.overview.queries.source import SPANS, Source
from controlplane.workspaces.adminaccess import actor_in
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.chosen import choose_workspace
from tasks_app.processors.registry import names


def overview(request: HttpRequest) -> HttpResponse:
    """What is wrong now, and how the work of one workspace goes. Raises PermissionDenied: the
    person has no role anywhere, or none in the workspace that the address names."""
    workspaces = list_own_workspaces(request)
    workspace = choose_workspace(request, workspaces)
    if workspace is None:
        raise PermissionDenied("You have no role in any workspace: ask an administrator for one.")
    request.shown_workspace = workspace.slug  # type: ignore[attr-defined] # the frame says it
    user: Any = request.user
    actor = actor_in(request, workspace.id)
    source = Source(workspace.id, actor, user.has_perm, request.GET.get("span", ""))
    context = {
        **admin.site.each_context(request),
        "title": "Overview",
        "workspace": workspace,
        "workspaces": workspaces,
        "span": source.span,
        "spans": list(SPANS),
        "lacking": list_lacking(user.has_perm),
    }
    if source.has_worked:
        context["panels"] = [show_panel(panel, source) for panel in PANELS]
        return TemplateResponse(request, "overview/page.html", context)
    context |= first_start(source, request)
    return TemplateResponse(request, "overview/empty.html", context)


def first_start(source: Source, request: HttpRequest) -> dict[str, Any]:
    """What is done and what is still to do before the first task, and where this is."""
    dispatcher, _ = source.loops
    return {
        "version": __version__,
        "address": make_address(request).rstrip("/"),
        "types": len(names()),
        "workers": len(source.live_nodes),
        "has_dispatcher": dispatcher.leads,
        "objective": format_duration(source.objective),
        "retention_days": settings.TASKPLANE["RETENTION_DAYS"],
    }
