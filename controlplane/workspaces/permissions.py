"""Roles: who may call what, and the request of a caller who may."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from controlplane.workspaces.actors import Actor, allows
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.states import Role


class WorkspaceRequest(Request):
    """A request that RolePermission accepted; for annotations only."""

    workspace: Workspace
    actor: Actor


class RolePermission(BasePermission):
    """Refuses callers without a role in the workspace, with too low a role, or with a key whose
    scopes do not suffice. A view's `required_roles` maps methods to roles; without an entry,
    reading needs `viewer` and everything else needs `operator`. A key with scopes needs
    `<resource>:read` or `<resource>:write`, where the resource is the view's `resource`, or the
    first part of the path.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        actor: Actor | None = getattr(request, "actor", None)
        if actor is None:
            # Turns it into a 401: REST framework checks whether the request was authenticated.
            return False
        needed = required_role(request.method or "", view)
        if actor.role is None or not actor.role.includes(needed):
            self.message = f"This needs the role {needed}; yours is {actor.role or 'none'}."
            return False
        resource = getattr(view, "resource", None) or _first_part(request.path_info)
        if not allows(actor.scopes, resource, is_read=request.method in SAFE_METHODS):
            verb = "read" if request.method in SAFE_METHODS else "write"
            self.message = f"This key has no scope {resource}:{verb}."
            return False
        return True


def required_role(method: str, view: Any) -> Role:
    roles = getattr(view, "required_roles", {})
    method = "GET" if method in SAFE_METHODS else method
    default = Role.VIEWER if method == "GET" else Role.OPERATOR
    return Role(roles.get(method, default))


def _first_part(path: str) -> str:
    return path.strip("/").partition("/")[0]
