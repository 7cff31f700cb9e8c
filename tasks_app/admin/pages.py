"""Pages beside the usual ones of the admin, for this app and those above it."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import Role
from tasks_app.admin.scope import OwnWorkspaces, actor_in, may


class WorkspacePages(OwnWorkspaces, ReadOnlyAdmin):
    """Pages of the rows of the person's workspaces, with buttons that call services."""

    def wanted(self, request: HttpRequest, object_id: UUID) -> Any:
        """The row of a page beside the usual ones. Raises Http404, PermissionDenied."""
        found = self.get_queryset(request).filter(pk=object_id).first()
        if found is None:
            raise Http404("It is not there, or belongs to another workspace.")
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        return found

    def operator(self, request: HttpRequest, workspace_id: UUID) -> Actor:
        """The person, who must be an operator there. Raises PermissionDenied."""
        if not may(request, workspace_id, Role.OPERATOR):
            raise PermissionDenied("This needs the role operator in its workspace.")
        return actor_in(request, workspace_id)
