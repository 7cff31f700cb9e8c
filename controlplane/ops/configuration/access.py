"""Which workspace a section shows, and what the person may do there: the same rules as the records'
own pages."""

from typing import Any

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from controlplane.ops.configuration.sections import pages_of, render
from controlplane.workspaces import chosen as chosen_workspace
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import actor_in
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.states import Role


def make_probe(label: str, workspace: Any) -> Any:
    """An unsaved row of the workspace, for questions about what may be done there."""
    return apps.get_model(label)(workspace=workspace)


def find_denied(request: HttpRequest, label: str) -> str:
    """The permission without which the person sees no rows of the model; empty if they see some."""
    pages = pages_of(label)
    return "" if pages.has_view_permission(request) else str(pages.view_permission)


def show_denied(request: HttpRequest, name: str, label: str, **context: Any) -> HttpResponse | None:
    """The section that says which permission is missing; None for those who may see rows of the
    model. Raises PermissionDenied: a form was sent without it."""
    denied = find_denied(request, label)
    if denied and request.method == "POST":
        raise PermissionDenied(f"You may not see this. It needs the permission {denied}.")
    return render(request, name, denied=denied, **context) if denied else None


def list_administered(request: HttpRequest, label: str) -> list[Any]:
    """Those whose rows of the model the person may see. Raises PermissionDenied: none."""
    if denied := find_denied(request, label):
        text = f"This needs the role admin in a workspace, and the permission {denied}."
        raise PermissionDenied(text)
    return list_own_workspaces(request, Role.ADMIN)


def choose_workspace(request: HttpRequest, label: str) -> tuple[Any, list[Any]]:
    """The workspace of the address, `default` or the first, and all to choose from. Raises
    PermissionDenied."""
    own = list_administered(request, label)
    chosen = chosen_workspace.choose_workspace(request, own)
    if chosen is None:
        raise PermissionDenied("This needs the role admin in a workspace.")
    request.shown_workspace = chosen.slug  # type: ignore[attr-defined] # for the frame
    return chosen, own


def require_verb(request: HttpRequest, label: str, verb: str, row: Any) -> Actor:
    """The person, who may add, change or delete this row. Raises PermissionDenied."""
    pages = pages_of(label)
    if verb == "add":
        is_allowed = pages.has_add_permission(request) and pages.allows(request, "add", row)
    else:
        is_allowed = getattr(pages, f"has_{verb}_permission")(request, row)
    if not is_allowed:
        raise PermissionDenied("Your role in this workspace does not allow that.")
    return actor_in(request, row.workspace_id)
