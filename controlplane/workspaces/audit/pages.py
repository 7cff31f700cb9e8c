"""The audit log in the admin: its list, one event, and the history of any object."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from controlplane.core.admin.newrows import describe_new
from controlplane.core.admin.pages import RowPageAdmin
from controlplane.core.errors import Invalid
from controlplane.core.ids import parse_uuid_or_none
from controlplane.workspaces.adminaccess import SEEN_BY_ADMINS
from controlplane.workspaces.adminpages import WorkspacePages
from controlplane.workspaces.audit.address import read_address
from controlplane.workspaces.audit.entrypage import describe_entry
from controlplane.workspaces.audit.listpage import count_newer, describe_list, find_events
from controlplane.workspaces.models import AuditEvent


class AuditEventAdmin(WorkspacePages, RowPageAdmin):
    """The audit log: who did what, for admins of a workspace."""

    exported = "audit"
    required_roles = SEEN_BY_ADMINS
    gone = "This entry was removed, or it is not yours to see."
    ordering = ("-id",)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The newest events first."""
        if request.method == "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        context = describe_list(request, self.workspaces_for(request, "view"))
        return self.render(
            request,
            "workspaces/audit/list.html",
            title="Audit",
            is_list=True,
            export=self.describe_export(request, None),
            **context,
        )

    def extra_pages(self) -> list[Any]:
        return [("newer/", self.newer_view, "newer")]

    def newer_view(self, request: HttpRequest) -> HttpResponse:
        """For an open list: how many entries have come since."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            count = count_newer(request, self.workspaces_for(request, "view"))
        except Invalid as error:
            return JsonResponse({"problem": str(error)}, status=error.status)
        return JsonResponse({"newer": describe_new(count)})

    def export_rows(self, request: HttpRequest, workspaces: Sequence[UUID]) -> QuerySet[AuditEvent]:
        """The events at this address. Raises Invalid."""
        address = read_address(request.GET)
        if address.errors:
            raise Invalid(errors=list(address.errors))
        return find_events(address, list(workspaces))

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        return super().get_queryset(request).select_related("workspace")

    def show_row(self, request: HttpRequest, row: AuditEvent) -> HttpResponse:
        """One event."""
        context = describe_entry(request, row)
        title = f"{row.actor_label} {context['row'].sentence}"
        return self.render(request, "workspaces/audit/entry.html", title=title, **context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """An event has no history: it never changes."""
        event_id = parse_uuid_or_none(object_id)
        if event_id is None or not self.get_queryset(request).filter(pk=event_id).exists():
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(self.row_url(event_id))
