"""The pages of replays."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from controlplane.core.admin.display import (
    Button,
    Question,
    Summary,
    Table,
    badge,
    link,
    short_id,
    show_json,
    time_column,
)
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.formatting import format_number, format_state, format_time, shorten
from controlplane.core.schema import represent_value
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import WorkspacePages, undo_by_service
from controlplane.workspaces.states import Role
from dlq.models import Replay
from dlq.queries import describe_replay
from dlq.replays import cancel_replay, pause_replay, resume_replay
from dlq.states import ReplayState

REFRESH_SECONDS = 3
_OUTCOMES = {
    ReplayState.COMPLETED: "Every letter of the replay was handled.",
    ReplayState.CANCELLED: "Cancelled: no further letters are submitted.",
    ReplayState.STOPPED: "Stopped because too many tasks failed again.",
}
# The action of each button, and the message after it.
_CONTROLS: dict[str, tuple[Callable[..., Replay], str]] = {
    "cancel": (cancel_replay, "No further letters are submitted. Submitted tasks continue."),
    "pause": (pause_replay, "The replay is paused. Submitted tasks continue."),
    "resume": (resume_replay, "The replay is resumed."),
}
_QUESTIONS = {
    "cancel": Question(
        "Cancel the replay?",
        "No more letters are submitted, and it cannot be resumed. Submitted tasks continue.",
        "Cancel the replay",
    )
}


undo_by_service("replay-pause", resume_replay, "replay_id", "Undone: the replay goes on.")
undo_by_service("replay-resume", pause_replay, "replay_id", "Undone: the replay is paused again.")


@admin.register(Replay)
class ReplayAdmin(WorkspacePages, ReadOnlyAdmin):
    """Replays with their reports, and buttons that pause, resume and cancel one."""

    exported = "replays"
    list_display = [
        short_id,
        "replay_status",
        "matched",
        "submitted",
        "succeeded",
        "failed",
        "skipped",
        "created_by",
        time_column("created_at"),
        time_column("finished_at"),
        "workspace",
    ]
    list_filter = ["state"]
    list_select_related = ["workspace"]
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    change_form_template = "admin/detail.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "id", "workspace", "filter_text", "payload_text", "max_attempts",
                    "rate_per_second", "stages", "max_failure_share", "created_by", "created_at",
                    "paused_at", "finished_at",
                ]
            },
        )
    ]  # fmt: skip

    def extra_pages(self) -> list[Any]:
        return [
            (f"<uuid:object_id>/{verb}/", partial(self.control_view, verb=verb), verb)
            for verb in _CONTROLS
        ]

    def describe(self, request: HttpRequest, replay: Any) -> dict[str, Any]:
        """The replay with its report; while it runs, the page reloads itself."""
        is_running = replay.state == ReplayState.RUNNING
        view = describe_replay(replay)
        may_operate = is_running and is_allowed(request, Role.OPERATOR, replay.workspace_id)
        return {
            "summary": _summary(replay, view.progress),
            "buttons": _buttons(replay) if may_operate else [],
            "sections": _sections(replay, view),
            "refresh_seconds": REFRESH_SECONDS if is_running else None,
            "title": "Replay",
            "subtitle": None,
        }

    @method_decorator(require_POST)
    def control_view(self, request: HttpRequest, object_id: UUID, verb: str) -> HttpResponse:
        control, text = _CONTROLS[verb]

        def act(replay: Replay, actor: Actor) -> Replay:
            return control(workspace_id=replay.workspace_id, replay_id=replay.id, actor=actor)

        undo = f"replay-{verb}" if verb in ("pause", "resume") else ""
        return self.act_on_row(request, object_id, act, text, _QUESTIONS.get(verb), undo)

    @admin.display(description="status")
    def replay_status(self, replay: Replay) -> str:
        return _badge(replay)

    @admin.display(description="filter")
    def filter_text(self, replay: Replay) -> str:
        return show_json(replay.filter)

    @admin.display(description="payload")
    def payload_text(self, replay: Replay) -> str:
        payload = represent_value("payload", replay.payload, None)
        return "each letter's own" if payload is None else show_json(payload)


def _buttons(replay: Replay) -> list[Button]:
    """The buttons for a running replay."""
    verb, text = ("resume", "Resume") if replay.paused_at else ("pause", "Pause")
    return [
        Button(f"{text} the replay", reverse(f"admin:dlq_replay_{verb}", args=[replay.pk])),
        cancel_button(replay),
    ]


def cancel_button(replay: Replay) -> Button:
    """It asks first."""
    url = reverse("admin:dlq_replay_cancel", args=[replay.pk])
    return Button("Cancel the replay…", url, question=_QUESTIONS["cancel"])


def _is_paused(replay: Replay) -> bool:
    return replay.state == ReplayState.RUNNING and replay.paused_at is not None


def _badge(replay: Replay) -> str:
    text = "Paused" if _is_paused(replay) else replay.get_state_display()
    return badge(replay.state, text, colour=_colour(replay))


def _colour(replay: Replay) -> str:
    """For other objects, STOPPED means that a person stopped them."""
    if _is_paused(replay):
        return "waiting"
    return "bad" if replay.state == ReplayState.STOPPED else ""


def _summary(replay: Replay, percent: float) -> Summary:
    return Summary(
        badge=_badge(replay),
        percent=percent,
        lead=_describe_progress(replay),
        figures=[
            ("Matched", format_number(replay.matched)),
            ("Submitted", format_number(replay.submitted)),
            ("Succeeded", format_number(replay.succeeded)),
            ("Failed again", format_number(replay.failed)),
            ("Skipped", format_number(replay.skipped)),
        ],
    )


def _describe_progress(replay: Replay) -> str:
    if replay.state != ReplayState.RUNNING:
        return f"{_OUTCOMES[ReplayState(replay.state)]} {isolated_text(replay.stop_reason)}".strip()
    if _is_paused(replay):
        return (
            f"Paused at {format_time(replay.paused_at)}: no letters are submitted. Submitted tasks "
            "continue."
        )
    if replay.stage < len(replay.stages):
        return (
            f"Stage {replay.stage + 1} of {len(replay.stages) + 1}: "
            f"{replay.stages[replay.stage]} letters. The next stage starts when their tasks have "
            "ended."
        )
    return "Last stage: all remaining letters are being submitted."


def _sections(replay: Replay, view: Any) -> list[Table]:
    numbers = frozenset({"Size", "Submitted", "Succeeded", "Failed again", "Tasks"})
    stages = Table(
        "Stages",
        ["Stage", "Size", "Submitted", "Succeeded", "Failed again"],
        [
            [
                each.number + 1,
                "the rest" if each.size is None else format_number(each.size),
                format_number(each.submitted),
                format_number(each.succeeded),
                format_number(each.failed),
            ]
            for each in view.stages
        ],
        empty="No stage has started yet.",
        numbers=numbers,
    )
    failing = Table(
        "Failures that remain",
        ["Failure", "Category", "Tasks"],
        [
            [
                link("dlq_deadletter", each.letter_id, _describe_failure(each)),
                format_state(each.category),
                format_number(each.count),
            ]
            for each in view.failing
        ],
        numbers=numbers,
    )
    skips = Table(
        "Skipped letters",
        ["Letter", "Reason"],
        [
            [link("dlq_deadletter", each["letterId"], each["letterId"]), each["reason"]]
            for each in replay.skips
        ],
        note="The first ones are shown.",
    )
    return [stages, *(table for table in (failing, skips) if table.rows)]


def _describe_failure(group: Any) -> str:
    message = f": {isolated_text(shorten(group.message, 300))}" if group.message else ""
    return format_html("<strong>{}</strong>{}", group.error_class or "?", message)
