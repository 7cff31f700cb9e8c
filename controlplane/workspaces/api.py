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
    Member,
    MemberRequest,
    RoleRequest,
    UndoIn,
    Undone,
    Workspace,
)
from controlplane.workspaces.states import Role
from controlplane.workspaces.undo import undo_by_token

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
        "members",
        name="members_list",
        summary="List members",
        returns=Listed(Member, _BY_TIME),
        role=Role.ADMIN,
    )
    def list_members(self, request: WorkspaceRequest) -> Any:
        """The people with a role in the workspace."""
        return queries.list_members(request.workspace)

    @verb(
        "POST",
        "members",
        name="members_create",
        summary="Add a member",
        body=MemberRequest,
        returns={201: Member},
        errors=(409,),
        role=Role.ADMIN,
    )
    def add_member(self, request: WorkspaceRequest, body: MemberRequest) -> Any:
        """Give a role to somebody who has an account."""
        return services.invite_member(
            workspace=request.workspace, name=body.user, role=body.role, actor=request.actor
        )

    @verb(
        "PATCH",
        "members/<uuid:id>",
        name="members_partial_update",
        summary="Change a member's role",
        body=RoleRequest,
        returns=Member,
        errors=(404, 409),
        role=Role.ADMIN,
    )
    def change_member(self, request: WorkspaceRequest, body: RoleRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Refused for your own role, and for that of the last administrator."""
        member = queries.get_member(request.workspace, id)
        return services.add_member(
            workspace=request.workspace, user=member.user, role=body.role, actor=request.actor
        )

    @verb(
        "DELETE",
        "members/<uuid:id>",
        name="members_destroy",
        summary="Remove a member",
        returns=None,
        errors=(404, 409),
        role=Role.ADMIN,
    )
    def remove_member(self, request: WorkspaceRequest, id: UUID) -> None:  # noqa: A002 - the name in the API
        """Take the role away; the account stays. Refused for yourself, and for the last
        administrator."""
        member = queries.get_member(request.workspace, id)
        services.remove_member(member=member, actor=request.actor)

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

    @verb(
        "POST",
        "undo",
        name="undo",
        summary="Undo a change",
        body=UndoIn,
        returns=Undone,
        errors=(409, 422),
    )
    def undo(self, request: WorkspaceRequest, body: UndoIn) -> Any:
        """Change back what the same person or key has changed within the last hour: pauses and
        limits of queues, the priority of a task, schedules, decisions about groups, the
        configuration and the number of workers. 409 if it has been changed since. A key with scopes
        also needs that of the change.
        """
        text = undo_by_token(body.token, actor=request.actor, workspace_id=request.workspace.id)
        return {"text": text}
