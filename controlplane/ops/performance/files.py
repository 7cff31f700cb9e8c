"""The tables of the page as files: the menus that lead to them, and what follows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import Invalid, TooMany
from controlplane.core.formatting import format_count
from controlplane.ops.performance.exports import NODES, STEPS, TYPES, steps_of, types_of
from controlplane.ops.performance.nodework import list_node_work
from controlplane.ops.performance.schema import CHART_FIELDS
from controlplane.ops.performance.span import PRESETS, Span, read_span
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.chosen import choose_workspace
from controlplane.workspaces.exporting import ExportedList
from controlplane.workspaces.exporting.lists import Rows
from controlplane.workspaces.exporting.pages import ExportMenu, respond_to_page
from controlplane.workspaces.exporting.responses import read_format
from workers.queries import VIEW_NODE

# By the parameter `table`: the list, its rows, and the permission that it needs beside a role in
# the workspace.
_TABLES: Mapping[str, tuple[ExportedList, Callable[[UUID, Span, Sequence[str]], Rows], str]] = {
    "steps": (STEPS, steps_of, ""),
    "types": (TYPES, types_of, ""),
    "nodes": (NODES, lambda workspace_id, span, types: list_node_work(span), VIEW_NODE),
}
_MAX_NAME = 200


def read_type(request: HttpRequest) -> str:
    """The type of the address; empty for all."""
    return request.GET.get("type", "")[:_MAX_NAME].replace("\0", "")


def describe_menus(
    workspace: str, span: Span, type_name: str, rows: Mapping[str, int]
) -> dict[str, ExportMenu]:
    """A menu for each chart and for each table of the page; the files have the rows that it shows.
    `rows` has how many each of _TABLES has."""
    # A preset that is asked for later would have later steps.
    begin = span.end - PRESETS[span.name] if span.name else span.begin
    address = {
        "from": utc_z(begin), "to": utc_z(span.end), "workspace": workspace, "type": type_name,
    }  # fmt: skip
    charts = {
        key: _menu(address, "steps", rows["steps"], fields) for key, fields in CHART_FIELDS.items()
    }
    return charts | {name: _menu(address, name, number) for name, number in rows.items()}


def _menu(
    address: Mapping[str, str], table: str, rows: int, fields: Sequence[str] = ()
) -> ExportMenu:
    hidden = {**address, "table": table, "fields": ",".join(fields)}
    exported, _, _ = _TABLES[table]
    return ExportMenu(
        action=reverse("admin:performance_export"),
        hidden=tuple((name, value) for name, value in hidden.items() if value),
        words=f"{format_count(rows, exported.noun, exported.plural)} of this span",
    )


@require_safe
def export_table(request: HttpRequest) -> HttpResponseBase:
    """One of the tables, or some of its columns. Raises PermissionDenied, as the page does."""
    workspace = choose_workspace(request, list_own_workspaces(request))
    if workspace is None:
        raise PermissionDenied("You have no role in any workspace: ask an administrator for one.")
    table = request.GET.get("table", "")
    try:
        return _respond(request, table if table in _TABLES else "steps", workspace)
    except (Invalid, TooMany) as error:
        messages.error(request, f"Nothing was exported. {error}")
        query = request.GET.copy()
        for name in ("table", "fields", "format", "bom"):
            query.pop(name, None)
        return HttpResponseRedirect(f"{reverse('admin:performance')}?{query.urlencode()}")


def _respond(request: HttpRequest, table: str, workspace: Any) -> HttpResponseBase:
    exported, read_rows, permission = _TABLES[table]
    user: Any = request.user
    if permission and not user.has_perm(permission):
        raise PermissionDenied(f"You may not see this. It needs the permission {permission}.")
    file_format = read_format(request.GET.get("format"))
    columns = exported.read_columns(request.GET.get("fields"), file_format)
    name = read_type(request)
    return respond_to_page(
        request,
        exported,
        read_rows(workspace.id, read_span(request.GET, now()), [name] if name else []),
        file_format,
        workspace.id,
        permission=permission,
        columns=columns,
        is_of_workspace=exported.is_of_workspace,
        has_mark=request.GET.get("bom") == "1",
    )


PAGES: Sequence[tuple[str, Any, str]] = (
    ("performance/export/", export_table, "performance_export"),
)
