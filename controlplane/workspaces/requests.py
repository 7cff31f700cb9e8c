"""The request of a view whose caller is known."""

from rest_framework.request import Request

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace


class WorkspaceRequest(Request):
    """What RolePermission let in: for annotations only."""

    workspace: Workspace
    actor: Actor
