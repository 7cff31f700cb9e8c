"""The configuration of the fleet: each value with its source, and its form."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.ops.configuration.access import show_denied
from controlplane.ops.configuration.sections import render, section_url
from controlplane.ops.configuration.sources import DATABASE, describe_all, find_source
from controlplane.workspaces.adminaccess import roles_of
from controlplane.workspaces.states import Role
from scaling.admin.forms import ConfigurationForm
from scaling.admin.pool import find_workspace, save_configuration
from scaling.queries.pool import find_contradiction, get_backend, read_pool
from scaling.schema import SETTINGS

POOL = "scaling.Pool"
_ENVIRONMENT = {
    "BACKEND": ("AUTO_SCALING_BACKEND", "Where workers are started"),
    "INTERVAL_SECONDS": ("AUTO_SCALING_INTERVAL", "Seconds between two decisions"),
    "START_TIMEOUT_SECONDS": ("AUTO_SCALING_START_TIMEOUT", "Seconds that a start may take"),
    "DRAIN_TIMEOUT_SECONDS": ("AUTO_SCALING_DRAIN_TIMEOUT", "Seconds that a drain may take"),
}


def scaling(request: HttpRequest) -> HttpResponse:
    """The values; posted, they are changed by an admin of any workspace, as in the API."""
    require_role_anywhere(request)
    environment = describe_all(_ENVIRONMENT, settings.TASKPLANE_SCALING)
    denied = show_denied(request, "scaling", POOL, environment=environment)
    if denied is not None:
        return denied
    workspace_id, form = find_workspace(request, Role.ADMIN), None
    if request.method == "POST":
        if workspace_id is None:
            raise PermissionDenied("This needs the role admin in a workspace.")
        form = save_configuration(request, workspace_id)
        if form is None:
            return HttpResponseRedirect(section_url("scaling"))
    pool = read_pool()
    form = form or ConfigurationForm(pool)
    return render(
        request,
        "scaling",
        form=form,
        rows=[_describe(row) for row in form.rows()],
        pool=pool,
        backend=get_backend(pool),
        contradiction=find_contradiction(pool),
        environment=environment,
        may_change=workspace_id is not None,
    )


def require_role_anywhere(request: HttpRequest) -> None:
    """Raises PermissionDenied: the person has no role in any workspace."""
    roles = roles_of(request)
    if roles is not None and not roles:
        raise PermissionDenied("You have no role in any workspace: ask an administrator for one.")


def _describe(row: dict[str, Any]) -> dict[str, Any]:
    setting = SETTINGS[row["name"]]
    source = DATABASE if row["is_changed"] else find_source(setting.env)
    return {**row, "source": source, "variable": setting.env}
