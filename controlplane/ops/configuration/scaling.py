"""The configuration of the fleet: each value with its source, and its form."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.core.errors import DomainError
from controlplane.ops.configuration.sections import render, section_url
from controlplane.ops.configuration.sources import DATABASE, describe_all, find_source
from controlplane.workspaces.adminaccess import actor_in, roles_of
from controlplane.workspaces.states import Role
from scaling.admin.forms import ConfigurationForm
from scaling.admin.pool import find_workspace
from scaling.configuration import change_configuration
from scaling.queries.pool import find_contradiction, get_backend, read_pool
from scaling.schema import SETTINGS

_ENVIRONMENT = {
    "BACKEND": ("AUTO_SCALING_BACKEND", "Where workers are started"),
    "INTERVAL_SECONDS": ("AUTO_SCALING_INTERVAL", "Seconds between two decisions"),
    "START_TIMEOUT_SECONDS": ("AUTO_SCALING_START_TIMEOUT", "Seconds that a start may take"),
    "DRAIN_TIMEOUT_SECONDS": ("AUTO_SCALING_DRAIN_TIMEOUT", "Seconds that a drain may take"),
}


def scaling(request: HttpRequest) -> HttpResponse:
    """The values; posted, they are changed by an admin of any workspace, as in the API."""
    require_role_anywhere(request)
    workspace_id = find_workspace(request, Role.ADMIN)
    form = ConfigurationForm(read_pool(), request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if workspace_id is None:
            raise PermissionDenied("This needs the role admin in a workspace.")
        if form.is_valid():
            try:
                change_configuration(
                    form.changes(),
                    workspace_id=workspace_id,
                    actor=actor_in(request, workspace_id),
                    seen_version=form.cleaned_data["version"],
                )
            except DomainError as error:
                form.refuse(error)
            else:
                messages.success(request, "The configuration was saved.")
                return HttpResponseRedirect(section_url("scaling"))
    pool = read_pool()
    return render(
        request,
        "scaling",
        form=form,
        rows=[_describe(row) for row in form.rows()],
        pool=pool,
        backend=get_backend(pool),
        contradiction=find_contradiction(pool),
        environment=describe_all(_ENVIRONMENT, settings.TASKPLANE_SCALING),
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
