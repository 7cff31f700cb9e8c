"""The page of the fleet: how it stands, its configuration, and orders by hand."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.core.errors import DomainError
from controlplane.workspaces.adminaccess import InstallationPages
from controlplane.workspaces.states import Role
from scaling.admin.acting import act_as, find_workspace
from scaling.admin.forms import ConfigurationForm, OverrideForm
from scaling.admin.words import badge, change, decider, seconds
from scaling.configuration import change_configuration
from scaling.models import Pool
from scaling.overrides import MAX_REASON_LENGTH, release_override, set_override
from scaling.queries.events import list_events
from scaling.queries.pool import find_contradiction, read_pool
from scaling.queries.status import FleetStatus, read_status

_EVENTS_SHOWN = 10


@admin.register(Pool)
class PoolAdmin(InstallationPages, ReadOnlyAdmin):
    """There is one pool, so its list is its page."""

    class Media:
        css: ClassVar = {"all": ["controlplane/hues.css", "scaling/admin.css"]}

    def get_urls(self) -> list[URLPattern]:
        """With what the forms post to."""
        verbs = {
            "configure": self.configure_view,
            "scale": self.scale_view,
            "release": self.release_view,
        }
        own = [
            path(f"{verb}/", self.admin_site.admin_view(view), name=f"scaling_pool_{verb}")
            for verb, view in verbs.items()
        ]
        return [*own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page."""
        return self._page(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page, too."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(_here())

    def configure_view(self, request: HttpRequest) -> HttpResponse:
        """Change the configuration."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        workspace_id, actor = self._act_as(request, Role.ADMIN)
        form = ConfigurationForm(read_pool(), request.POST)
        if not form.is_valid():
            return self._page(request, configuring=form)
        try:
            change_configuration(
                form.changes(),
                workspace_id=workspace_id,
                actor=actor,
                seen_version=form.cleaned_data["version"],
            )
        except DomainError as error:
            form.refuse(error)
            return self._page(request, configuring=form)
        self.message_user(request, "The configuration is in force.", messages.SUCCESS)
        return HttpResponseRedirect(_here())

    def scale_view(self, request: HttpRequest) -> HttpResponse:
        """Order a number of workers."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        workspace_id, actor = self._act_as(request, Role.OPERATOR)
        status = read_status()
        form = OverrideForm(status.values, 0, request.POST)
        if not form.is_valid():
            return self._page(request, ordering=form)
        try:
            event = set_override(
                workers=form.cleaned_data["workers"],
                reason=form.cleaned_data["reason"],
                hold_seconds=form.hold_seconds,
                workspace_id=workspace_id,
                actor=actor,
            )
        except DomainError as error:
            form.refuse(error)
            return self._page(request, ordering=form)
        self.message_user(request, f"Ordered: {event.sentence}", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:scaling_scalingevent_change", args=[event.id]))

    def release_view(self, request: HttpRequest) -> HttpResponse:
        """End the order."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        workspace_id, actor = self._act_as(request, Role.OPERATOR)
        release_override(workspace_id=workspace_id, actor=actor)
        self.message_user(request, "Released: the strategy decides again.", messages.SUCCESS)
        return HttpResponseRedirect(_here())

    def _act_as(self, request: HttpRequest, needed: Role) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return act_as(request, needed)

    def _page(
        self,
        request: HttpRequest,
        *,
        configuring: ConfigurationForm | None = None,
        ordering: OverrideForm | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        status = read_status()
        wanted = status.manual.workers if status.manual else status.pool.target
        now = status.pool.ready + status.pool.starting
        context = {
            **self.admin_site.each_context(request),
            "title": "Fleet",
            "opts": self.opts,
            "media": self.media,
            "status": status,
            "loop": _tell_loop(status),
            "startup": "-" if status.startup is None else seconds(status.startup.seconds),
            "contradiction": find_contradiction(status.pool),
            "configuring": configuring or ConfigurationForm(status.pool),
            "ordering": ordering or OverrideForm(status.values, now if wanted is None else wanted),
            "may_configure": find_workspace(request, Role.ADMIN) is not None,
            "may_operate": find_workspace(request, Role.OPERATOR) is not None,
            "longest_reason": MAX_REASON_LENGTH,
            "events": [
                {
                    "event": event,
                    "badge": badge(event),
                    "change": change(event),
                    "decider": decider(event),
                }
                for event in list_events()[:_EVENTS_SHOWN]
            ],
        }
        return TemplateResponse(request, "admin/scaling/pool/status.html", context)


def _here() -> str:
    return reverse("admin:scaling_pool_changelist")


def _tell_loop(status: FleetStatus) -> dict[str, str]:
    """How it stands, with the name of its hue."""
    if not status.enabled:
        hue, words = "quiet", "off"
    elif status.leader.leads:
        hue, words = ("bad", "cannot act") if status.problem else ("good", "runs")
    elif status.seen_at is None:
        hue, words = "quiet", "never started"
    else:
        hue, words = "bad", "stopped"
    advice = "" if status.leader.leads else "Start manage.py autoscale."
    return {"hue": hue, "words": words, "advice": advice}
