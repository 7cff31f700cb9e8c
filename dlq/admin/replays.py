"""The pages of replays."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

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
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.states import Role
from dlq.models import Replay
from dlq.queries import describe_replay
from dlq.replays import cancel_replay, pause_replay, resume_replay
from dlq.states import ReplayState
from tasks_app.admin.batchpages import BatchPages, Control, Controls

REFRESH_SECONDS = 3
_OUTCOMES = {
    ReplayState.COMPLETED: "Every letter of the replay was handled.",
    ReplayState.CANCELLED: "Cancelled: no further letters are submitted.",
    ReplayState.STOPPED: "Stopped because too many tasks failed again.",
}
_CANCEL = Question(
    "Cancel the replay?",
    "No more letters are submitted, and it cannot be resumed. Submitted tasks continue.",
    "Cancel the replay",
)
_CONTROLS = Controls(
    "replay",
    "replay_id",
    {
        "pause": Control(
            pause_replay,
            "The replay is paused. Submitted tasks continue.",
            undone="Undone: the replay is paused again.",
        ),
        "resume": Control(
            resume_replay, "The replay is resumed.", undone="Undone: the replay goes on."
        ),
        "cancel": Control(
            cancel_replay,
            "No further letters are submitted. Submitted tasks continue.",
            _CANCEL,
        ),
    },
)
_CONTROLS.register_undos()


@admin.register(Replay)
class ReplayAdmin(BatchPages, ReadOnlyAdmin):
    """Replays with their reports, and buttons that pause, resume and cancel one."""

    controls = _CONTROLS
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
        return self.control_pages()

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
    return Button("Cancel the replay…", url, question=_CANCEL)


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
