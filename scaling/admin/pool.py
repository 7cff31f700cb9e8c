"""The page of the fleet: its status, its configuration, and manual scaling."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.admin.undo import offer_undo, show_unchanged
from controlplane.core.errors import DomainError
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import actor_in, roles_of
from controlplane.workspaces.adminpages import InstallationPages, find_any_workspace
from controlplane.workspaces.queries import get_default_workspace_id
from controlplane.workspaces.states import Role
from scaling.admin.forms import ConfigurationForm, ManualForm
from scaling.admin.poolpage import describe_pool
from scaling.models import Pool
from scaling.queries.pool import find_contradiction, read_pool
from scaling.queries.status import read_status
from scaling.undo import configure_with_undo, release_with_undo, scale_with_undo


@admin.register(Pool)
class PoolAdmin(InstallationPages, ReadOnlyAdmin):
    """There is one pool, so the list is the page of the pool."""

    def extra_pages(self) -> list[Any]:
        return [
            ("configure/", self.configure_view, "configure"),
            ("scale/", self.scale_view, "scale"),
            ("release/", self.release_view, "release"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._page(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(self._list_url())

    @method_decorator(require_POST)
    def configure_view(self, request: HttpRequest) -> HttpResponse:
        workspace_id, _ = self._act_as(request, Role.ADMIN)
        form = save_configuration(request, workspace_id)
        if form is None:
            return HttpResponseRedirect(self._list_url())
        return self._page(request, configuration=form)

    @method_decorator(require_POST)
    def scale_view(self, request: HttpRequest) -> HttpResponse:
        workspace_id, actor = self._act_as(request, Role.OPERATOR)
        form = ManualForm(read_status().values, 0, request.POST)
        if form.is_valid():
            try:
                event, undone = scale_with_undo(
                    workers=form.cleaned_data["workers"],
                    reason=form.cleaned_data["reason"],
                    hold_seconds=form.hold_seconds,
                    workspace_id=workspace_id,
                    actor=actor,
                )
            except DomainError as error:
                form.refuse(error)
            else:
                offer_undo(request, "scaling-override", undone, event.sentence)
                url = reverse("admin:scaling_scalingevent_change", args=[event.id])
                return HttpResponseRedirect(url)
        return self._page(request, manual=form)

    @method_decorator(require_POST)
    def release_view(self, request: HttpRequest) -> HttpResponse:
        workspace_id, actor = self._act_as(request, Role.OPERATOR)
        undone = release_with_undo(workspace_id=workspace_id, actor=actor)
        if undone is None:
            text = "Nothing to release: the strategy decides the number of workers."
            self.message_user(request, text, messages.INFO)
        else:
            text = "Released: the strategy decides the number of workers again."
            offer_undo(request, "scaling-override", undone, text)
        return HttpResponseRedirect(self._list_url())

    def _act_as(self, request: HttpRequest, needed: Role) -> tuple[UUID, Actor]:
        """The workspace whose audit log has the change, and the person. The fleet serves all
        workspaces: as in the API, a role in any of them is enough. Raises PermissionDenied."""
        workspace_id = find_workspace(request, needed)
        if workspace_id is None or not self.has_view_permission(request):
            raise PermissionDenied(f"This needs the role {needed} in a workspace.")
        return workspace_id, actor_in(request, workspace_id)

    def _page(
        self,
        request: HttpRequest,
        *,
        configuration: ConfigurationForm | None = None,
        manual: ManualForm | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        status = read_status()
        target = status.manual.workers if status.manual else status.pool.target
        current = status.pool.ready + status.pool.starting
        return self.render(
            request,
            "scaling/pool.html",
            title="Scaling",
            is_list=True,
            history_of=status.pool,
            **describe_pool(status, request.GET.get("span", "")),
            configuration=configuration or ConfigurationForm(status.pool),
            is_open=configuration is not None or bool(find_contradiction(status.pool)),
            manual=manual or ManualForm(status.values, current if target is None else target),
            may_configure=find_workspace(request, Role.ADMIN) is not None,
            may_operate=find_workspace(request, Role.OPERATOR) is not None,
            live_workspace=find_any_workspace(request),
        )


def save_configuration(request: HttpRequest, workspace_id: UUID) -> ConfigurationForm | None:
    """Save the posted values, which the next page offers to undo. Returns the form if it says what
    is wrong with them."""
    form = ConfigurationForm(read_pool(), request.POST)
    if not form.is_valid():
        return form
    try:
        _, undone = configure_with_undo(
            form.changes(),
            workspace_id=workspace_id,
            actor=actor_in(request, workspace_id),
            seen_version=form.cleaned_data["version"],
        )
    except DomainError as error:
        form.refuse(error)
        return form
    if undone is None:
        show_unchanged(request, "the configuration")
    else:
        offer_undo(request, "scaling-configuration", undone, "The configuration was saved.")
    return None


def find_workspace(request: HttpRequest, needed: Role) -> UUID | None:
    """A workspace in which the person has the role: `default` if possible, else another."""
    default, roles = get_default_workspace_id(), roles_of(request)
    if roles is None:
        return default
    fitting = sorted(id_ for id_, role in roles.items() if role.includes(needed))
    return default if default in fitting else next(iter(fitting), None)
