"""The HTTP API of workspaces."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.views import ApiView, ListView
from controlplane.workspaces import selectors, services
from controlplane.workspaces.requests import WorkspaceRequest
from controlplane.workspaces.serializers import (
    ApiKeyRequestSerializer,
    ApiKeySerializer,
    AuditEventSerializer,
    AuditQuerySerializer,
    CreatedApiKeySerializer,
    WorkspaceSerializer,
)
from controlplane.workspaces.states import Role


class CurrentWorkspaceView(ApiView):
    """The workspace of the caller."""

    @extend_schema(tags=["workspaces"], responses=WorkspaceSerializer)
    def get(self, request: WorkspaceRequest) -> Response:
        """Where the key or the session works, and with which role."""
        return Response(WorkspaceSerializer(request).data)


class ApiKeysView(ListView):
    """The API keys of the workspace."""

    required_roles: ClassVar = {"GET": Role.ADMIN, "POST": Role.ADMIN}

    @extend_schema(tags=["workspaces"], responses=ApiKeySerializer(many=True))
    def get(self, request: WorkspaceRequest) -> Response:
        """All of them, without their secrets; revoked ones too."""
        return self.list_response(selectors.list_api_keys(request.workspace), ApiKeySerializer)

    @extend_schema(
        tags=["workspaces"],
        request=ApiKeyRequestSerializer,
        responses={201: CreatedApiKeySerializer},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """A new key. The answer holds its secret, this once."""
        made = services.create_api_key(
            workspace=request.workspace,
            actor=request.actor,
            **self.validated(ApiKeyRequestSerializer),
        )
        body = {**ApiKeySerializer(made.key).data, "key": made.secret}
        return Response(body, status=status.HTTP_201_CREATED)


class ApiKeyView(ApiView):
    """One API key."""

    required_roles: ClassVar = {"GET": Role.ADMIN, "DELETE": Role.ADMIN}

    @extend_schema(tags=["workspaces"], responses=ApiKeySerializer)
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The key, without its secret."""
        return Response(ApiKeySerializer(selectors.get_api_key(request.workspace, id)).data)

    @extend_schema(tags=["workspaces"], responses={200: ApiKeySerializer})
    def delete(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Revoke it: refused everywhere within a few seconds, for good."""
        key = services.revoke_api_key(workspace=request.workspace, key_id=id, actor=request.actor)
        return Response(ApiKeySerializer(key).data)


class AuditView(ListView):
    """Who did what in the workspace."""

    required_roles: ClassVar = {"GET": Role.ADMIN}

    @extend_schema(
        tags=["workspaces"],
        parameters=[AuditQuerySerializer],
        responses=AuditEventSerializer(many=True),
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """The audit log, newest first."""
        wanted = self.filters(AuditQuerySerializer)
        events = selectors.list_audit_events(
            request.workspace,
            after=wanted.pop("createdAfter", None),
            before=wanted.pop("createdBefore", None),
            equal=wanted,
        )
        return self.list_response(events, AuditEventSerializer)
