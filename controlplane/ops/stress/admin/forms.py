"""The form of a new stress test."""

from typing import Any

from django import forms
from django.conf import settings

from controlplane.core.admin.forms import ServiceForm, bounds_of
from controlplane.ops.stress.schema import StressTestIn
from controlplane.ops.stress.spec import MAX_SHARE, QUEUE, StressTestSpec, make_spec
from controlplane.ops.stress.states import StressShape, StressType


def _bounds(name: str) -> dict[str, Any]:
    return bounds_of(StressTestIn, name)


class StressForm(ServiceForm):
    """The parameters of a test, and its workspace."""

    workspace = forms.ChoiceField()
    name = forms.CharField(
        required=False,
        help_text="Leave empty to derive the name from the other values.",
        **_bounds("name"),
    )
    tasks = forms.IntegerField(initial=1_000, **_bounds("tasks"))
    type = forms.ChoiceField(choices=StressType.choices)
    duration_ms = forms.FloatField(
        initial=100, label="Milliseconds per task", **_bounds("duration_ms")
    )
    failure_rate = forms.FloatField(
        initial=0,
        label="Share of tasks that fail",
        help_text="0 to 1.",
        **_bounds("failure_rate"),
    )
    dependent_share = forms.FloatField(
        initial=0,
        label="Share of tasks with dependencies",
        help_text=f"0 to {MAX_SHARE}.",
        **_bounds("dependent_share"),
    )
    shape = forms.ChoiceField(choices=StressShape.choices, label="Shape of the dependencies")
    rate_per_second = forms.FloatField(
        required=False,
        label="Submissions per second",
        help_text="Leave empty to submit as fast as possible.",
        **_bounds("rate_per_second"),
    )
    seed = forms.IntegerField(
        required=False,
        help_text="It determines which tasks fail. To compare with another test, use its seed. "
        "Leave empty for a random seed.",
        **_bounds("seed"),
    )
    confirm = forms.CharField(
        required=False,
        label="Confirmation",
        help_text=f"Needed in production: type the workspace's slug, or {QUEUE}.",
        **_bounds("confirm"),
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
