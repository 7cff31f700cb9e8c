"""The form of a new stress test."""

from typing import Any

from django import forms
from django.conf import settings

from controlplane.core.admin.forms import ServiceForm
from controlplane.ops.stress.spec import (
    MAX_MS,
    MAX_NAME,
    MAX_SEED,
    MAX_SHARE,
    QUEUE,
    StressTestSpec,
    make_spec,
)
from controlplane.ops.stress.states import StressShape, StressType


class StressForm(ServiceForm):
    """The parameters of a test, and its workspace."""

    workspace = forms.ChoiceField()
    name = forms.CharField(
        required=False,
        max_length=MAX_NAME,
        help_text="Leave empty to derive the name from the other values.",
    )
    tasks = forms.IntegerField(min_value=1, initial=1_000)
    type = forms.ChoiceField(choices=StressType.choices)
    duration_ms = forms.FloatField(
        initial=100, min_value=0, max_value=MAX_MS, label="Milliseconds per task"
    )
    failure_rate = forms.FloatField(
        initial=0, min_value=0, max_value=1, label="Share of tasks that fail", help_text="0 to 1."
    )
    dependent_share = forms.FloatField(
        initial=0,
        min_value=0,
        max_value=MAX_SHARE,
        label="Share of tasks with dependencies",
        help_text=f"0 to {MAX_SHARE}.",
    )
    shape = forms.ChoiceField(choices=StressShape.choices, label="Shape of the dependencies")
    rate_per_second = forms.FloatField(
        required=False,
        label="Submissions per second",
        help_text="Leave empty to submit as fast as possible.",
    )
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_SEED,
        help_text="It determines which tasks fail. To compare with another test, use its seed. "
        "Leave empty for a random seed.",
    )
    confirm = forms.CharField(
        required=False,
        max_length=200,
        label="Confirmation",
        help_text=f"Needed in production: type the workspace's slug, or {QUEUE}.",
    )

    def __init__(self, *args: Any, workspaces: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(each.id), each.name) for each in workspaces]
        self.fields["workspace"] = forms.ChoiceField(choices=choices)
        limit = settings.TASKPLANE_STRESS["MAX_TASKS"]
        self.fields["tasks"].help_text = f"At most {limit:,}."
        if not settings.TASKPLANE_STRESS["MUST_CONFIRM"]:
            del self.fields["confirm"]

    def to_spec(self) -> StressTestSpec:
        """The test for the service. Raises Invalid."""
        values = {k: v for k, v in self.cleaned_data.items() if k not in ("workspace", "confirm")}
        return make_spec(**values)
