"""Tasks as a file."""

from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.http.openapi import filter_parameters, query_parameter
from controlplane.core.http.verbs import Views, verb
from controlplane.core.schema.represent import read_fields
from controlplane.workspaces.permissions import WorkspaceRequest
from tasks_app import queries
from tasks_app.api.examples import PAYLOAD_PARAMETER
from tasks_app.exports import MEDIA_TYPES, columns_of, export
from tasks_app.filters import TaskFilter, filter_of_query


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


class TaskExport(Views):
    """Tasks as a file."""

    tag = "tasks"
    renderer_classes = [JSONRenderer]
    content_negotiation_class = _NoNegotiation

    @verb(
        "GET",
        "tasks/export",
        name="tasks_export",
        summary="Export tasks",
        parameters=[
            query_parameter("format", "csv if it is left out.", enum=list(MEDIA_TYPES)),
            query_parameter("fields", "Comma-separated list of columns."),
            *filter_parameters(TaskFilter),
            PAYLOAD_PARAMETER,
        ],
        responses={
            (200, kind.partition(";")[0]): OpenApiTypes.BINARY for kind in MEDIA_TYPES.values()
        },
        returns=None,
        errors=(422,),
    )
    def export(self, request: WorkspaceRequest) -> StreamingHttpResponse:
        """Every matching task, newest first. Texts that a spreadsheet would take for formulas are
        made harmless."""
        name = request.query_params.get("format") or "csv"
        if name not in MEDIA_TYPES:
            raise Invalid(errors=[{"field": "format", "message": "csv, ndjson or xlsx."}])
        wanted = filter_of_query(request.query_params, ignore=["fields"])
        columns = read_fields(request.query_params.get("fields"), columns_of(name))
        chunks = queries.iterate_tasks(request.workspace.id, wanted)
        with queries.in_bounded_time():  # a search that takes too long is refused, not cut off
            first = next(chunks, [])
        return StreamingHttpResponse(
            export(name, chain([first], chunks), request.actor, columns),
            content_type=MEDIA_TYPES[name],
            headers={
                "Content-Disposition": f'attachment; filename="tasks-{now():%Y%m%d-%H%M%S}.{name}"',
                "X-Accel-Buffering": "no",
            },
        )
