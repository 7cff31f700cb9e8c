"""The form of a new stress test: the service's own rules, shown beside the fields."""

from typing import Any

from django import forms
from django.conf import settings

from controlplane.core.errors import DomainError
from controlplane.stress.planning import LARGEST_SHARE
from controlplane.stress.processors import MAX_MS
from controlplane.stress.services.control import Asked
from controlplane.stress.services.submitting import QUEUE
from controlplane.stress.states import StressShape, StressType

_FIELDS = {
    "durationMs": "duration_ms",
    "failureRate": "failure_rate",
    "dependentShare": "dependent_share",
    "ratePerSecond": "rate_per_second",
}


class StressForm(forms.Form):
    """What a test is to do, and in which workspace."""

    workspace = forms.ChoiceField()
    name = forms.CharField(required=False, max_length=200, help_text="Empty: made of the rest.")
    tasks = forms.IntegerField(min_value=1, initial=1_000)
    type = forms.ChoiceField(choices=StressType.choices)
    duration_ms = forms.FloatField(
        initial=100, min_value=0, max_value=MAX_MS, label="Milliseconds of each task"
    )
    failure_rate = forms.FloatField(
        initial=0, min_value=0, max_value=1, label="Share of tasks that fail", help_text="0 to 1."
    )
    dependent_share = forms.FloatField(
        initial=0,
        min_value=0,
        max_value=LARGEST_SHARE,
        label="Share of tasks that wait for others",
        help_text=f"0 to {LARGEST_SHARE}.",
    )
    shape = forms.ChoiceField(choices=StressShape.choices, label="Shape of those")
    rate_per_second = forms.FloatField(
        required=False, label="Submissions a second", help_text="Empty: as fast as it goes."
    )
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text="Decides which tasks fail: that of the test to compare with. Empty: drawn.",
    )
    confirm = forms.CharField(
        required=False,
        max_length=200,
        label="Confirmation",
        help_text=f"Only in production: the workspace's slug, or {QUEUE}.",
    )

    def __init__(self, *args: Any, workspaces: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(each.id), each.name) for each in workspaces]
        self.fields["workspace"] = forms.ChoiceField(choices=choices)
        most = settings.TASKPLANE_STRESS["MAX_TASKS"]
        self.fields["tasks"].help_text = f"At most {most:,}."
        if not settings.TASKPLANE_STRESS["MUST_CONFIRM"]:
            del self.fields["confirm"]

    def to_asked(self) -> Asked:
        """The test that the form describes."""
        values = {k: v for k, v in self.cleaned_data.items() if k not in ("workspace", "confirm")}
        return Asked(**values)

    def refuse(self, error: DomainError) -> None:
        """Show what the service refused beside the fields."""
        for each in error.errors or [{"field": "", "message": str(error)}]:
            field = _FIELDS.get(each["field"], each["field"])
            self.add_error(field if field in self.fields else None, each["message"])
