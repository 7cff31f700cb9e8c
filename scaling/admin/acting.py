"""Who may set the fleet in the admin. It serves all workspaces: as in the API, a role in any of
them is enough, and what is done is in the audit log of that one."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import actor_in, roles_of
from controlplane.workspaces.selectors import get_default_workspace_id
from controlplane.workspaces.states import Role


def find_workspace(request: HttpRequest, needed: Role) -> UUID | None:
    """The workspace in whose name the person may act: `default` if they may there, else another of
    theirs; None when they have that role nowhere."""
    default, roles = get_default_workspace_id(), roles_of(request)
    if roles is None:
        return default
    fitting = sorted(id_ for id_, role in roles.items() if role.includes(needed))
    return default if default in fitting else next(iter(fitting), None)


def act_as(request: HttpRequest, needed: Role) -> tuple[UUID, Actor]:
    """The workspace and the person. Raises PermissionDenied."""
    workspace_id = find_workspace(request, needed)
    if workspace_id is None:
        raise PermissionDenied(f"This needs the role {needed} in a workspace.")
    return workspace_id, actor_in(request, workspace_id)
