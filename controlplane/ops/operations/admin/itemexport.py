"""The items of a bulk operation as a file."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from controlplane.core.errors import Invalid, TooMany
from controlplane.ops.operations.exports import ITEMS
from controlplane.ops.operations.models import Operation
from controlplane.ops.operations.queries import list_items
from controlplane.ops.operations.states import ItemOutcome
from controlplane.workspaces.exporting.pages import ExportMenu, make_menu, respond_to_page
from controlplane.workspaces.exporting.responses import read_format


def describe(request: HttpRequest, operation: Operation) -> ExportMenu:
    """The menu above the items."""
    numbers = {
        "CHANGED": operation.changed,
        "UNCHANGED": operation.unchanged,
        "REFUSED": operation.refused,
        "FAILED": operation.failed,
    }
    url = reverse("admin:operations_operation_items_export", args=[operation.pk])
    count = numbers.get(request.GET.get("outcome", "").upper(), operation.total)
    return make_menu(request, ITEMS, url, count)


def respond(pages: Any, request: HttpRequest, operation: Operation) -> HttpResponseBase:
    """The file, or the page with a message."""
    outcome = request.GET.get("outcome", "").upper()
    chosen = [outcome] if outcome in ItemOutcome.values else []
    try:
        return respond_to_page(
            request,
            ITEMS,
            list_items(operation.workspace_id, operation.id, chosen),
            read_format(request.GET.get("format")),
            operation.workspace_id,
            permission="operations.view_operation",
            has_mark=request.GET.get("bom") == "1",
        )
    except (Invalid, TooMany) as error:
        pages.message_user(request, f"Nothing was exported. {error}", messages.ERROR)
        return HttpResponseRedirect(pages.row_url(operation.pk))
