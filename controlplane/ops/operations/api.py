"""The HTTP API of bulk operations."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample

from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.ops.operations import control, queries
from controlplane.ops.operations.schema import (
    Item,
    ItemFilter,
    Operation,
    OperationFilter,
    OperationIn,
    PreviewIn,
)
from controlplane.workspaces.bulk.preview import find_bulk_verb, make_preview, read_options
from controlplane.workspaces.bulk.schema import OperationPreview
from controlplane.workspaces.bulk.selection import read_selection
from controlplane.workspaces.idempotent_calls import idempotent
from controlplane.workspaces.permissions import WorkspaceRequest

_PREVIEW_EXAMPLES = [
    OpenApiExample("Retry what failed", value=PreviewIn.example, request_only=True),
    OpenApiExample(
        "Pause every schedule",
        value={"target": "schedules", "action": "pause", "filter": {}, "all": True},
        request_only=True,
    ),
    OpenApiExample(
        "Resume exactly those",
        value={
            "target": "schedules",
            "action": "resume",
            "operation": "018f6f2e-0000-7000-8000-000000000000",
        },
        request_only=True,
    ),
]
_START_EXAMPLES = [
    OpenApiExample(
        "At a rate",
        value={"token": "…", "reason": "The bug is fixed in 2.4.1.", "ratePerSecond": 50},
        request_only=True,
    )
]


def _find(request: WorkspaceRequest, operation_id: UUID) -> Any:
    return queries.get_operation(request.workspace.id, operation_id)


class Operations(Views):
    """Bulk operations of the workspace."""

    tag = "operations"

    @verb(
        "GET",
        "operations",
        name="operations_list",
        summary="List bulk operations",
        query=OperationFilter,
        returns=Listed(Operation, {"createdAt": "id"}),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest, query: OperationFilter) -> Any:
        """Bulk operations, newest first."""
        return self.page(queries.list_operations(request.workspace.id, query.states))

    @verb(
        "POST",
        "operations/preview",
        name="operations_preview",
        summary="Preview a bulk operation",
        body=PreviewIn,
        examples=_PREVIEW_EXAMPLES,
        returns=OperationPreview,
        errors=(409, 413, 422),
    )
    def preview(self, request: WorkspaceRequest, body: PreviewIn) -> Any:
        """How many objects match, the first ten, and what would happen. Nothing is changed. The
        token in the answer starts exactly this for ten minutes, by the same person or key.
        """
        found = find_bulk_verb(body.target, body.action)
        return make_preview(
            workspace_id=request.workspace.id,
            verb=found,
            selection=read_selection(
                found.target,
                ids=body.ids,
                wanted=body.filter,
                origin=body.operation,
                is_all=body.all,
                is_rest=body.rest,
            ),
            options=read_options(found, body.options),
            actor=request.actor,
        )

    @verb(
        "POST",
        "operations",
        name="operations_start",
        summary="Start a bulk operation",
        body=OperationIn,
        examples=_START_EXAMPLES,
        returns={202: Operation, 200: Operation},
        errors=(409, 422),
    )
    @idempotent(_find)
    def start(self, request: WorkspaceRequest, body: OperationIn) -> UUID:
        """Start what was previewed. 409 if the set has changed since, unless `acceptDrift` is true.
        The dispatcher notes which objects match now, and then changes each of them once.
        """
        return control.start_operation(
            workspace_id=request.workspace.id,
            token=body.token,
            actor=request.actor,
            reason=body.reason,
            rate_per_second=body.rate_per_second,
            accept_drift=body.accept_drift,
        ).id

    @verb(
        "GET",
        "operations/<uuid:id>",
        name="operations_retrieve",
        summary="Show a bulk operation",
        returns=Operation,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The operation with its progress and the number of items by outcome."""
        return queries.get_operation(request.workspace.id, id)

    @verb(
        "GET",
        "operations/<uuid:id>/items",
        name="operations_items_list",
        summary="List the items of a bulk operation",
        query=ItemFilter,
        returns=Listed(Item, {"ordinal": "id"}, "ordinal"),
        errors=(404, 422),
    )
    def items(self, request: WorkspaceRequest, query: ItemFilter, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Its objects in the order in which they are changed, each with its outcome."""
        return self.page(queries.list_items(request.workspace.id, id, query.outcomes))

    @verb(
        "POST",
        "operations/<uuid:id>/cancel",
        name="operations_cancel",
        summary="Cancel a bulk operation",
        returns=Operation,
        errors=(404, 409),
    )
    def cancel(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Change nothing more. What was changed stays as it is."""
        return control.cancel_operation(
            workspace_id=request.workspace.id, operation_id=id, actor=request.actor
        )

    @verb(
        "POST",
        "operations/<uuid:id>/pause",
        name="operations_pause",
        summary="Pause a bulk operation",
        returns=Operation,
        errors=(404, 409),
    )
    def pause(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Change nothing until it is resumed."""
        return control.pause_operation(
            workspace_id=request.workspace.id, operation_id=id, actor=request.actor
        )

    @verb(
        "POST",
        "operations/<uuid:id>/resume",
        name="operations_resume",
        summary="Resume a bulk operation",
        returns=Operation,
        errors=(404, 409),
    )
    def resume(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Continue a paused operation."""
        return control.resume_operation(
            workspace_id=request.workspace.id, operation_id=id, actor=request.actor
        )
