"""The pages of worker nodes. Nodes belong to the app `workers`, which does not know tasks; what
runs in their slots is looked up here. They serve all workspaces, and only superusers drain them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.core.admin.actions import (
    act_on_each,
    ask,
    confirmed_action,
    is_confirmed,
    report,
)
from controlplane.core.admin.display import Question
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.clock import now
from controlplane.core.formatting import format_count
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.adminaccess import actor_in, roles_of
from controlplane.workspaces.adminpages import InstallationPages, find_any_workspace
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app.admin.nodelist import list_node_lines
from tasks_app.admin.nodepage import describe_node
from workers.queries import LOST_SHOWN, list_live_nodes, list_shown_nodes
from workers.services import drain_node
from workers.states import LIVE, NodeState

Node = list_live_nodes().model


@admin.register(Node)
class NodeAdmin(InstallationPages, ReadOnlyAdmin):
    """One row per run of a worker process: lost ones first."""

    change_form_template = "workers/node.html"
    fields = ["name"]
    exported = "nodes"
    search_fields = ["name", "host", "end_reason"]
    actions = ["drain"]

    def extra_pages(self) -> list[Any]:
        return [("<int:object_id>/drain/", self.drain_view, "drain")]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Draining is for superusers only: it affects every workspace."""
        actions = super().get_actions(request)
        return actions if self.allows(request, "act") else {}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The nodes that need a look first. Django handles the action that is posted."""
        if request.method == "POST":
            return super().changelist_view(request, extra_context)
        if not self.has_view_permission(request):
            raise PermissionDenied
        state, search = request.GET.get("state", ""), request.GET.get("q", "").strip()
        nodes = list_node_lines(
            number=request.GET.get("p"),
            workspaces=_own_workspaces(request),
            **_read_conditions(request),
        )
        return self.render(
            request,
            "workers/nodes.html",
            title="Workers",
            is_list=True,
            list=nodes,
            export=self.describe_export(request, nodes.page.paginator.count),
            state=state,
            states=NodeState.choices,
            search=search,
            may_drain=self.allows(request, "act"),
            live_workspace=find_any_workspace(request),
        )

    def export_rows(self, request: HttpRequest, workspaces: Sequence[UUID]) -> QuerySet[Any]:
        """The nodes at this address."""
        return list_shown_nodes(now() - LOST_SHOWN, **_read_conditions(request))

    def describe(self, request: HttpRequest, node: Any) -> dict[str, Any]:
        return {
            **describe_node(node, _own_workspaces(request), request.GET.get("span", "")),
            "may_drain": self.allows(request, "act"),
            "live_workspace": find_any_workspace(request),
            "title": node.name,
            "subtitle": None,
        }

    def drain_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Drain one node, after a confirmation."""
        if not self.allows(request, "act") or not self.has_view_permission(request):
            raise PermissionDenied("Draining a node affects every workspace: it needs a superuser.")
        node = self.get_object(request, str(object_id))
        if node is None or node.state not in LIVE:
            self.call_service(request, lambda: _drain(request, object_id))
            return HttpResponseRedirect(self._list_url() if node is None else self.row_url(node.pk))
        running = format_count(node.running, "running task finishes", "running tasks finish")
        if is_confirmed(request):
            done = f"Node {isolated_text(node.name)} is draining: {running}, then it stops."
            self.call_service(request, lambda: _drain(request, object_id), done)
            return HttpResponseRedirect(self.row_url(node.pk))
        question = Question(
            f"Drain {isolated_text(node.name)}?",
            f"It takes nothing new, for any workspace: {running}, then it stops. This cannot be "
            "undone: start another worker instead.",
            f"Drain {isolated_text(node.name)}",
        )
        return ask(self, request, node, question)

    @confirmed_action(
        "Drain: finish the running tasks, then stop",
        button="Drain",
        warning="The nodes claim no more tasks and stop when their running tasks have ended.",
    )
    def drain(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        ids = list(queryset.values_list("id", flat=True))
        result = act_on_each(ids, lambda node_id: _drain(request, node_id))
        report(self, request, result, "draining")


def _drain(request: HttpRequest, node_id: int) -> None:
    workspace_id = get_default_workspace_id()
    drain_node(node_id, workspace_id=workspace_id, actor=actor_in(request, workspace_id))


def _own_workspaces(request: HttpRequest) -> list[Any] | None:
    """The workspaces whose tasks the person may see; None means all."""
    roles = roles_of(request)
    return None if roles is None else list(roles)


def _read_conditions(request: HttpRequest) -> dict[str, str]:
    """The conditions of the list's address."""
    state = request.GET.get("state", "")
    return {
        "state": state if state in NodeState.values else "",
        "search": request.GET.get("q", "").strip().replace("\0", ""),
    }
