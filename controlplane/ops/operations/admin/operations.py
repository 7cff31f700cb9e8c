"""The pages of bulk operations: the list, one of them, and the question before one starts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from controlplane.core.admin.pages import RowPageAdmin
from controlplane.ops.operations.admin import itemexport, newpage
from controlplane.ops.operations.admin.listpage import describe_list, narrow
from controlplane.ops.operations.admin.page import CANCEL, describe_operation
from controlplane.ops.operations.control import (
    cancel_operation,
    pause_operation,
    resume_operation,
)
from controlplane.ops.operations.models import Operation
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.states import Role
from tasks_app.admin.batchpages import BatchPages, Control, Controls

_CONTROLS = Controls(
    "operation",
    "operation_id",
    {
        "pause": Control(
            pause_operation,
            "Paused: nothing is changed until it is resumed.",
            undone="Undone: it is paused again.",
        ),
        "resume": Control(resume_operation, "Resumed.", undone="Undone: it goes on."),
        "cancel": Control(cancel_operation, "Cancelled. What was changed stays as it is.", CANCEL),
    },
)
_CONTROLS.register_undos()


@admin.register(Operation)
class OperationAdmin(BatchPages, RowPageAdmin):
    """Operations with the outcome of each item, and buttons to pause, resume, cancel and undo."""

    controls = _CONTROLS
    exported = "operations"
    gone = "This operation was removed, or it is not yours to see."
    ordering = ["-id"]

    def extra_pages(self) -> list[Any]:
        items = ("<uuid:object_id>/items/export/", self.export_items_view, "items_export")
        return [("new/", self.new_view, "new"), items, *self.control_pages()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The newest operations first."""
        if request.method == "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        context = describe_list(request, self.get_queryset(request).select_related("workspace"))
        context["export"] = self.describe_export(request, None)
        return self.render(request, "operations/list.html", title="Bulk operations", **context)

    def export_rows(self, request: HttpRequest, workspaces: Sequence[UUID]) -> QuerySet[Operation]:
        """The operations at this address."""
        return narrow(request, self.get_queryset(request))

    def export_items_view(self, request: HttpRequest, object_id: UUID) -> HttpResponseBase:
        """The items of an operation, or those with one outcome, as a file."""
        return itemexport.respond(self, request, self.get_row(request, object_id))

    def show_row(self, request: HttpRequest, row: Operation) -> HttpResponse:
        """One operation with its items."""
        may_operate = is_allowed(request, Role.OPERATOR, row.workspace_id)
        context = describe_operation(request, row, may_operate=may_operate)
        context["export"] = itemexport.describe(request, row)
        return self.render(request, "operations/operation.html", original=row, **context)

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """What an operation would do; posted, it is started."""
        if not self.allows(request, "act"):
            raise PermissionDenied("This needs the role operator.")
        return newpage.show(self, request)

    def to_started(self, request: HttpRequest, operation: Operation) -> HttpResponse:
        """The page of an operation that has just been started."""
        self.message_user(request, "Started. The page follows it.", messages.SUCCESS)
        return HttpResponseRedirect(self.row_url(operation.pk))

    def to_list(self) -> str:
        return reverse("admin:operations_operation_changelist")
