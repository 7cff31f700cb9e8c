"""The form of a schedule: it applies the service's rules, and shows errors beside the fields."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import available_timezones

from django import forms

from controlplane.core.admin.forms import JsonField, LabelledDateTime, ServiceErrors
from controlplane.core.clock import now
from controlplane.core.errors import DomainError, FieldError, Invalid, NotFound
from controlplane.core.formatting import EMPTY
from controlplane.core.names import canonical_name
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.queries import describe, get_schedule, list_schedules
from controlplane.ops.schedules.states import Source
from controlplane.ops.schedules.timing import MAX_TEXT_LENGTH
from controlplane.ops.schedules.validation import check_fires, check_schedule
from tasks_app.processors import registry
from workflows.queries import get_workflow

# Generic for the type checker only.
if TYPE_CHECKING:
    _Form = forms.ModelForm[Schedule]
else:
    _Form = forms.ModelForm

# What may be changed here of a schedule that is declared in code, or that is beat's.
_EDITABLE = {
    Source.CODE.value: {"enabled"},
    Source.BEAT.value: {"enabled", "overlap", "catch_up", "catch_up_max", "jitter_ms"},
}


class ScheduleForm(ServiceErrors, _Form):
    """A schedule with the values of its PeriodicTask."""

    api_fields: ClassVar = {"workflowId": "workflow"}

    schedule = forms.CharField(
        max_length=MAX_TEXT_LENGTH,
        help_text="Five cron fields such as <code>0 2 * * *</code>, a name such as "
        "<code>@daily</code>, <code>@every 15m</code>, or a single time.",
    )
    timezone = forms.ChoiceField(choices=lambda: [(z, z) for z in sorted(available_timezones())])
    enabled = forms.BooleanField(required=False)
    task_type = forms.ChoiceField(
        required=False,
        choices=lambda: [
            ("", EMPTY),
            *(
                (each.name, f"{each.name} ({each.title})" if each.title else each.name)
                for each in registry.all_processors()
            ),
        ],
    )
    workflow = forms.CharField(required=False, help_text="A name or ID, instead of a task type.")
    payload = JsonField(
        required=False,
        empty_value={},
        rows=8,
        help_text="JSON: the task's payload, or the run's input.",
    )
    start_at = forms.SplitDateTimeField(required=False, widget=LabelledDateTime())
    end_at = forms.SplitDateTimeField(required=False, widget=LabelledDateTime())

    class Meta:
        model = Schedule
        fields = [
            "workspace", "name", "task_type", "payload", "queue", "priority", "max_attempts",
            "overlap", "catch_up", "catch_up_max", "jitter_ms",
        ]  # fmt: skip
        help_texts = {
            "queue": "Leave empty to use the queue of the task type.",
            "max_attempts": "Leave empty to use the default of the task type.",
            "catch_up": "Fire missed times later.",
            "catch_up_max": "Maximum number of missed times to fire, the newest first.",
            "jitter_ms": "Maximum random delay of a start, in milliseconds.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "max_attempts" in self.fields:
            self.fields["max_attempts"].required = False
        if self.instance._state.adding:
            self.initial.setdefault("timezone", "UTC")
            self.initial.setdefault("enabled", True)
            self.initial.setdefault("payload", {})
            return
        self.initial.update(_shown(self.instance))
        self._keep_old_type()
        self._disable()

    def _keep_old_type(self) -> None:
        """Offer the schedule's own type even if it is no longer registered."""
        field, old = self.fields.get("task_type"), self.instance.task_type
        if isinstance(field, forms.ChoiceField) and old not in ("", *registry.names()):
            field.choices = [*field.choices, (old, f"{old} (unknown)")]  # type: ignore[misc]

    def _disable(self) -> None:
        allowed = _EDITABLE.get(self.instance.source)
        if allowed is None:
            return
        for name, field in self.fields.items():
            if name not in allowed:
                field.disabled = True
                field.required = False

    def clean(self) -> dict[str, Any]:
        """The values for the services, in `values`. Errors are shown beside their fields."""
        cleaned = super().clean() or {}
        self.values: dict[str, Any] = {}
        if self.errors or self.instance.source != Source.PERSON:
            editable = _EDITABLE[Source.BEAT.value]
            self.values = {name: cleaned.get(name) for name in self._changed(editable)}
            return cleaned
        workspace_id = self._workspace_id(cleaned)
        try:
            values = self._read_values(workspace_id, cleaned)
            self._check_name(workspace_id, values["name"])
            self._check(workspace_id, values)
        except DomainError as error:
            self.refuse(error)
            return cleaned
        names = values if self.instance._state.adding else self._changed(values)
        self.values = {name: values[name] for name in names}
        return cleaned

    def _changed(self, names: Iterable[str]) -> set[str]:
        renamed = {"workflow": "workflow_id"}
        return {renamed.get(name, name) for name in self.changed_data} & set(names)

    def _workspace_id(self, cleaned: dict[str, Any]) -> Any:
        workspace = cleaned.get("workspace")
        return self.instance.workspace_id if workspace is None else workspace.id

    def _read_values(self, workspace_id: Any, cleaned: dict[str, Any]) -> dict[str, Any]:
        names = (
            "name", "schedule", "timezone", "enabled", "task_type", "queue", "priority",
            "max_attempts", "overlap", "catch_up", "catch_up_max", "jitter_ms", "start_at",
            "end_at",
        )  # fmt: skip
        values = {name: cleaned.get(name) for name in names}
        values["payload"] = {} if cleaned.get("payload") is None else cleaned["payload"]
        values["workflow_id"] = None
        if cleaned.get("workflow"):
            try:
                values["workflow_id"] = get_workflow(workspace_id, cleaned["workflow"]).id
            except NotFound as error:
                problem: FieldError = {"field": "workflow", "message": str(error)}
                raise Invalid(errors=[problem]) from error
        return values

    def _check_name(self, workspace_id: Any, name: str) -> None:
        same = (
            list_schedules(workspace_id)
            .filter(name=canonical_name(name))
            .exclude(pk=self.instance.pk)
        )
        if same.exists():
            message = f"A schedule named {name!r} already exists."
            raise Invalid(errors=[{"field": "name", "message": message}])

    def _check(self, workspace_id: Any, values: dict[str, Any]) -> None:
        if not self.instance._state.adding and set(self.changed_data) == {"enabled"}:
            return  # a schedule that can no longer start can still be paused
        at = now()
        schedule = check_schedule(workspace_id, values, at=at, anchor=self.instance.created_at)
        if {"schedule", "timezone", "start_at", "end_at"} & set(self.changed_data):
            check_fires(schedule.timing, at)


def _shown(schedule: Schedule) -> dict[str, Any]:
    view = describe(get_schedule(schedule.workspace_id, schedule.id))
    return {
        "schedule": view.text,
        "timezone": view.timezone,
        "enabled": view.enabled,
        "workflow": str(schedule.workflow_id or ""),
        "start_at": view.start_at,
        "end_at": view.end_at,
    }
