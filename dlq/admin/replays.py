"""The pages of replays."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from controlplane.workspaces.adminaccess import may
from controlplane.workspaces.states import Role
from dlq import replays
from dlq.admin.pages import LetterPages, badge, pretty
from dlq.admin.words import tell_replay
from dlq.models import Replay
from dlq.queries import describe_replay
from dlq.states import ReplayState

REFRESH_SECONDS = 3
_TEXT = '<pre class="dl-text">{}</pre>'


@admin.register(Replay)
class ReplayAdmin(LetterPages):
    """Replays with their reports, and a button that ends one."""

    list_display = [
        "short_id",
        "replay_status",
        "matched",
        "submitted",
        "succeeded",
        "failed",
        "skipped",
        "created_by",
        "created_at",
        "finished_at",
        "workspace",
    ]
    list_filter = ["state"]
    list_select_related = ["workspace"]
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    change_form_template = "admin/dlq/replay/change_form.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "id",
                    "workspace",
                    "filter_text",
                    "payload_text",
                    "max_attempts",
                    "rate_per_second",
                    "stages",
                    "max_failure_share",
                    "created_by",
                    "created_at",
                    "finished_at",
                ]
            },
        )
    ]

    def get_urls(self) -> list[URLPattern]:
        """With what the button posts to."""
        own = path(
            "<uuid:object_id>/cancel/",
            self.admin_site.admin_view(self.cancel_view),
            name="dlq_replay_cancel",
        )
        return [own, *super().get_urls()]

    def describe(self, request: HttpRequest, replay: Any) -> dict[str, Any]:
        """The replay with its report; while it runs, the page loads itself anew."""
        is_running = replay.state == ReplayState.RUNNING
        return {
            "view": describe_replay(replay),
            "badge": badge(replay.state, replay.get_state_display()),
            "words": tell_replay(replay),
            "refresh_seconds": REFRESH_SECONDS if is_running else None,
            "may_cancel": is_running and may(request, replay.workspace_id, Role.OPERATOR),
            "title": "Replay",
            "subtitle": None,
        }

    def cancel_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The button."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        replay = self.wanted(request, object_id)
        actor = self.operator(request, replay.workspace_id)
        done = self.attempt(
            request,
            lambda: replays.cancel_replay(
                workspace_id=replay.workspace_id, replay_id=replay.id, actor=actor
            ),
        )
        if done is not None:
            self.message_user(request, "No further letters are submitted.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:dlq_replay_change", args=[replay.id]))

    @admin.display(description="replay")
    def short_id(self, replay: Replay) -> str:
        """The random end of the id: the beginning is the time."""
        return f"…{str(replay.id)[-12:]}"

    @admin.display(description="status")
    def replay_status(self, replay: Replay) -> str:
        return badge(replay.state, replay.get_state_display())

    @admin.display(description="letters meant")
    def filter_text(self, replay: Replay) -> str:
        return format_html(_TEXT, pretty(replay.filter))

    @admin.display(description="payload")
    def payload_text(self, replay: Replay) -> str:
        if replay.payload is None:
            return "each letter's own"
        return format_html(_TEXT, pretty(replay.payload))
