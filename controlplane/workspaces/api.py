"""The HTTP API of workspaces."""

from typing import Any
from uuid import UUID

from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.workspaces import queries, services
from controlplane.workspaces.audit.queries import list_audit_events
from controlplane.workspaces.permissions import WorkspaceRequest
from controlplane.workspaces.schema import (
    ApiKey,
    ApiKeyRequest,
    AuditEvent,
    AuditFilter,
    CreatedApiKey,
    Workspace,
)
from controlplane.workspaces.states import Role

_BY_TIME = {"createdAt": "id"}


class Workspaces(Views):
    """The workspace of the caller, its keys and its audit log."""

    tag = "workspaces"

    @verb(
        "GET",
        "workspaces/current",
        name="workspaces_current_retrieve",
        summary="Show the current workspace",
        returns=Workspace,
    )
    def current(self, request: WorkspaceRequest) -> Any:
        """The workspace and the role of the key or session."""
        return request

    @verb(
        "GET",
        "api-keys",
        name="api_keys_list",
        summary="List API keys",
        returns=Listed(ApiKey, _BY_TIME),
        role=Role.ADMIN,
    )
    def list_keys(self, request: WorkspaceRequest) -> Any:
        """All keys without their secrets, including revoked ones."""
        return queries.list_api_keys(request.workspace)

    @verb(
        "POST",
        "api-keys",
        name="api_keys_create",
        summary="Create an API key",
        body=ApiKeyRequest,
        returns={201: CreatedApiKey},
        role=Role.ADMIN,
    )
    def create_key(self, request: WorkspaceRequest, body: ApiKeyRequest) -> Any:
        """Create a key. Only this response contains its secret."""
        made = services.create_api_key(
            workspace=request.workspace, actor=request.actor, **dict(body)
        )
        return {**vars(made.key), "key": made.secret}

    @verb(
        "GET",
        "api-keys/<uuid:id>",
        name="api_keys_retrieve",
        summary="Show an API key",
        returns=ApiKey,
        role=Role.ADMIN,
    )
    def retrieve_key(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The key, without its secret."""
        return queries.get_api_key(request.workspace, id)

    @verb(
        "DELETE",
        "api-keys/<uuid:id>",
        name="api_keys_destroy",
        summary="Revoke an API key",
        returns=ApiKey,
        role=Role.ADMIN,
    )
    def revoke_key(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Revoke a key for good: it is refused everywhere within a few seconds."""
        return services.revoke_api_key(workspace=request.workspace, key_id=id, actor=request.actor)

    @verb(
        "GET",
        "audit",
        name="audit_list",
        summary="List the audit log",
        query=AuditFilter,
        returns=Listed(AuditEvent, _BY_TIME),
        role=Role.ADMIN,
    )
    def audit(self, request: WorkspaceRequest, wanted: AuditFilter) -> Any:
        """The audit log, newest first."""
        return list_audit_events([request.workspace.id], wanted)
