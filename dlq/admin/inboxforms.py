"""The forms of the failure inbox."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django import forms

from controlplane.core.admin.forms import ServiceForm
from controlplane.core.clock import now
from dlq.discard import MAX_REASON
from dlq.groups import MAX_NOTE, Decision
from dlq.replays import DEFAULT_STAGES, MAX_RATE, MIN_RATE
from dlq.states import GroupState

_MAX_ABOVE = 10**12
_FOR = {
    "1h": ("1 hour", timedelta(hours=1)),
    "8h": ("8 hours", timedelta(hours=8)),
    "1d": ("1 day", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}


class MuteForm(ServiceForm):
    """When the mute ends, and why."""

    api_fields: ClassVar[Mapping[str, str]] = {"mutedUntil": "duration", "mutedAbove": "above"}

    duration = forms.ChoiceField(
        choices=[*((key, title) for key, (title, _) in _FOR.items()), ("", "no time limit")],
        initial="1d",
        required=False,
        label="For",
    )
    above = forms.IntegerField(
        min_value=1,
        max_value=_MAX_ABOVE,
        required=False,
        label="Until it grows past",
        help_text="Open letters above which the mute ends. Empty: only the time counts.",
    )
    note = forms.CharField(
        max_length=MAX_NOTE,
        required=False,
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text="Shown beside the group, and kept among its notes.",
    )

    @property
    def decision(self) -> Decision:
        """What the form asks for."""
        values = self.cleaned_data
        chosen = _FOR.get(values["duration"])
        return Decision(
            state=GroupState.MUTED,
            muted_until=None if chosen is None else now() + chosen[1],
            muted_above=values["above"],
            note=values["note"],
        )


class DiscardGroupForm(ServiceForm):
    """Why the work of all letters need not be done."""

    reason = forms.CharField(
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="Why the work is no longer needed. It is kept in the letters and the audit log.",
        error_messages={"required": "Give the reason."},
    )


class ReprocessGroupForm(ServiceForm):
    """How the letters of a group are reprocessed."""

    how = forms.ChoiceField(
        choices=[
            (
                "canary",
                f"As a canary: {DEFAULT_STAGES[0]}, then {DEFAULT_STAGES[1]}, then the rest",
            ),
            ("all", "All without a canary"),
        ],
        initial="canary",
        widget=forms.RadioSelect,
        help_text="It stops by itself when more than a fifth of a stage or of the newest 20 fail.",
    )
    rate = forms.FloatField(
        min_value=MIN_RATE,
        max_value=MAX_RATE,
        required=False,
        label="Tasks per second",
        help_text="Maximum tasks submitted per second. Empty: no limit.",
    )
    reason = forms.CharField(
        max_length=MAX_NOTE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text="Kept among the notes of the group.",
    )

    def __init__(self, data: Any = None, *, letters: int) -> None:
        super().__init__(data)
        if letters > 1:
            self.fields["reason"].required = True
            self.fields["reason"].error_messages["required"] = (
                "Give the reason: what runs again cannot be undone."
            )
