"""The pages of bulk operations: the list, one of them, and the question before one starts."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

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
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import WorkspacePages, undo_by_service
from controlplane.workspaces.states import Role

# The action of each button, and the message after it.
_STEPS: dict[str, tuple[Callable[..., Operation], str]] = {
    "pause": (pause_operation, "Paused: nothing is changed until it is resumed."),
    "resume": (resume_operation, "Resumed."),
    "cancel": (cancel_operation, "Cancelled. What was changed stays as it is."),
}


undo_by_service("operation-pause", resume_operation, "operation_id", "Undone: it goes on.")
undo_by_service("operation-resume", pause_operation, "operation_id", "Undone: it is paused again.")


@admin.register(Operation)
class OperationAdmin(WorkspacePages, RowPageAdmin):
    """Operations with the outcome of each item, and buttons to pause, resume, cancel and undo."""

    exported = "operations"
    gone = "This operation was removed, or it is not yours to see."
    ordering = ["-id"]

    def extra_pages(self) -> list[Any]:
        steps = [
            (f"<uuid:object_id>/{name}/", partial(self.step_view, name=name), name)
            for name in _STEPS
        ]
        items = ("<uuid:object_id>/items/export/", self.export_items_view, "items_export")
        return [("new/", self.new_view, "new"), items, *steps]

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

    @method_decorator(require_POST)
    def step_view(self, request: HttpRequest, object_id: UUID, name: str) -> HttpResponse:
        step, text = _STEPS[name]

        def act(operation: Operation, actor: Actor) -> Operation:
            return step(workspace_id=operation.workspace_id, operation_id=operation.id, actor=actor)

        question = CANCEL if name == "cancel" else None
        undo = f"operation-{name}" if name in ("pause", "resume") else ""
        return self.act_on_row(request, object_id, act, text, question, undo)

    def to_started(self, request: HttpRequest, operation: Operation) -> HttpResponse:
        """The page of an operation that has just been started."""
        self.message_user(request, "Started. The page follows it.", messages.SUCCESS)
        return HttpResponseRedirect(self.row_url(operation.pk))

    def to_list(self) -> str:
        return reverse("admin:operations_operation_changelist")
