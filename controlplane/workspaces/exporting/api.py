"""The HTTP API of exports: a view for each list."""

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from controlplane.core.exports.files import FORMATS
from controlplane.core.http.openapi import filter_parameters, query_parameter
from controlplane.core.http.verbs import Views, verb
from controlplane.workspaces.exporting.access import Access
from controlplane.workspaces.exporting.lists import (
    ExportedList,
    Selected,
    describe_filter,
    list_all,
)
from controlplane.workspaces.exporting.responses import read_format, respond
from controlplane.workspaces.exporting.stream import Wanted, start_export
from controlplane.workspaces.permissions import WorkspaceRequest

_PARAMETERS = ("format", "fields", "bom")
_ABOUT = (
    "Every row that matches, in one fixed order, streamed while it is read. A row is as it was "
    "when it was read, and none comes twice. In CSV and XLSX, texts that a spreadsheet would take "
    "for formulas are made harmless, and invisible characters are shown as escapes; NDJSON is "
    "exact. A transfer that breaks off has failed: its file has no end."
)


class _NoNegotiation(BaseContentNegotiation):
    """`format` names a file here, not a renderer; errors are JSON whatever is accepted."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """There is no body."""
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """JSON."""
        return renderers[0], renderers[0].media_type


class ExportViews(Views):
    """A list as a file."""

    renderer_classes = [JSONRenderer]
    content_negotiation_class = _NoNegotiation


def export_views() -> list[type[Views]]:
    """A view for each list that can be exported."""
    return [_view_of(each) for each in list_all()]


def _view_of(exported: ExportedList) -> type[Views]:
    name = exported.path.replace("<uuid:id>/", "").replace("/-/", "/")
    about = verb(
        "GET",
        exported.path,
        name=name.replace("/", "_").replace("-", "_"),
        summary=f"Export {exported.plural_noun}",
        parameters=[
            query_parameter("format", "csv if it is left out.", enum=list(FORMATS)),
            query_parameter("fields", "Comma-separated list of columns."),
            query_parameter("bom", "1 to begin a CSV file with a byte order mark.", enum=["1"]),
            *filter_parameters(exported.filter),
            *exported.parameters(),
        ],
        responses={
            (200, each.media_type.partition(";")[0]): OpenApiTypes.BINARY
            for each in FORMATS.values()
        },
        returns=None,
        errors=(404, 422) if exported.owner else (422,),
        role=exported.role,
        resource=exported.resource,
    )
    return type(
        "Export", (ExportViews,), {"tag": exported.tag, "export": about(_handler(exported))}
    )


def _handler(exported: ExportedList) -> Any:
    def export(view: Views, request: WorkspaceRequest, **path_parts: UUID) -> HttpResponseBase:
        params = request.query_params
        file_format = read_format(params.get("format"))
        wanted_rows = exported.read_filter(params, _PARAMETERS)
        selected = Selected(request.workspace.id, wanted_rows, request.actor, path_parts.get("id"))
        wanted = Wanted(
            exported=exported,
            file_format=file_format,
            workspace_id=request.workspace.id,
            filter=describe_filter(exported, selected),
            columns=exported.read_columns(params.get("fields"), file_format),
            has_mark=params.get("bom") == "1",
            access=Access(exported.role, exported.resource, request.workspace.id),
        )
        rows = exported.rows(selected)
        return respond(request, wanted, lambda: start_export(wanted, rows, request.actor))

    export.__doc__ = _ABOUT
    return export
