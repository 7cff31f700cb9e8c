"""The form of a schedule: the service's own rules, shown beside the fields."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime

from controlplane.core.clock import now
from controlplane.core.errors import DomainError, Invalid, NotFound
from controlplane.core.forms import parse_json_input
from controlplane.core.names import canonical_name
from controlplane.schedules.models import Schedule
from controlplane.schedules.queries import describe, get_schedule, list_schedules
from controlplane.schedules.states import Source
from controlplane.schedules.timing import MAX_TEXT_LENGTH
from controlplane.schedules.validation import check_fires, check_schedule
from tasks_app.processors import registry
from workflows.queries import get_workflow

# Generic for the type checker only.
if TYPE_CHECKING:
    _Form = forms.ModelForm[Schedule]
else:
    _Form = forms.ModelForm

_OF_CODE = {"enabled"}
_OF_BEAT = {"enabled", "overlap", "catch_up", "catch_up_max", "jitter_ms"}
_BESIDE = {
    "taskType": "task_type",
    "workflowId": "workflow",
    "catchUpMax": "catch_up_max",
    "jitterMs": "jitter_ms",
    "startAt": "start_at",
    "endAt": "end_at",
    "maxAttempts": "max_attempts",
}


class _PrettyJsonField(forms.JSONField):
    def to_python(self, value: Any) -> Any:
        if self.disabled or not isinstance(value, str) or value in self.empty_values:
            return super().to_python(value)
        return parse_json_input(value)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


class ScheduleForm(_Form):
    """A schedule with what its PeriodicTask says."""

    schedule = forms.CharField(
        max_length=MAX_TEXT_LENGTH,
        help_text="Five cron fields such as <code>0 2 * * *</code>, a name such as "
        "<code>@daily</code>, <code>@every 15m</code>, or a time for once.",
    )
    timezone = forms.ChoiceField(choices=lambda: [(z, z) for z in sorted(available_timezones())])
    enabled = forms.BooleanField(required=False)
    task_type = forms.ChoiceField(
        required=False, choices=lambda: [("", "-"), *((name, name) for name in registry.names())]
    )
    workflow = forms.CharField(required=False, help_text="Instead of a type: its name or id.")
    payload = _PrettyJsonField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80, "spellcheck": "false"}),
        help_text="JSON: the task's payload, or the run's input.",
    )
    start_at = forms.SplitDateTimeField(required=False, widget=AdminSplitDateTime())
    end_at = forms.SplitDateTimeField(required=False, widget=AdminSplitDateTime())

    class Meta:
        model = Schedule
        fields = [
            "workspace", "name", "task_type", "payload", "queue", "priority", "max_attempts",
            "overlap", "catch_up", "catch_up_max", "jitter_ms",
        ]  # fmt: skip
        help_texts = {
            "queue": "Empty: that of the type.",
            "max_attempts": "Empty: that of the type.",
            "catch_up": "Fire missed times afterwards.",
            "catch_up_max": "The newest missed times, at most so many.",
            "jitter_ms": "Milliseconds: starts up to so much later.",
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
        """A type that is not registered any more is still what it is."""
        field, old = self.fields.get("task_type"), self.instance.task_type
        if isinstance(field, forms.ChoiceField) and old not in ("", *registry.names()):
            field.choices = [*field.choices, (old, f"{old} (unknown)")]  # type: ignore[misc]

    def _disable(self) -> None:
        allowed = {Source.CODE.value: _OF_CODE, Source.BEAT.value: _OF_BEAT}.get(
            self.instance.source
        )
        if allowed is None:
            return
        for name, field in self.fields.items():
            if name not in allowed:
                field.disabled = True
                field.required = False

    def clean(self) -> dict[str, Any]:
        """The values as the services take them, in `values`. Errors stand beside their fields."""
        found = super().clean() or {}
        self.values: dict[str, Any] = {}
        if self.errors or self.instance.source != Source.PERSON:
            self.values = {name: found.get(name) for name in self._changed(_OF_BEAT)}
            return found
        workspace_id = self._workspace_id(found)
        try:
            values = self._values_of(workspace_id, found)
            self._check_name(workspace_id, values["name"])
            self._check(workspace_id, values)
        except DomainError as error:
            self.refuse(error)
            return found
        wanted = values if self.instance._state.adding else self._changed(values)
        self.values = {name: values[name] for name in wanted}
        return found

    def refuse(self, error: DomainError) -> None:
        """Show what a service refused."""
        for each in error.errors or [{"field": "", "message": str(error)}]:
            place = each["field"].partition(".")[0].partition("[")[0]
            name = _BESIDE.get(place, place)
            known = name in self.fields
            said = each["message"]
            if place != each["field"] or not known:
                said = f"{each['field']}: {said}" if each["field"] else said
            self.add_error(name if known else None, said)

    def _changed(self, names: Iterable[str]) -> set[str]:
        renamed = {"workflow": "workflow_id"}
        return {renamed.get(name, name) for name in self.changed_data} & set(names)

    def _workspace_id(self, found: dict[str, Any]) -> Any:
        workspace = found.get("workspace")
        return self.instance.workspace_id if workspace is None else workspace.id

    def _values_of(self, workspace_id: Any, found: dict[str, Any]) -> dict[str, Any]:
        names = (
            "name", "schedule", "timezone", "enabled", "task_type", "queue", "priority",
            "max_attempts", "overlap", "catch_up", "catch_up_max", "jitter_ms", "start_at",
            "end_at",
        )  # fmt: skip
        values = {name: found.get(name) for name in names}
        values["payload"] = {} if found.get("payload") is None else found["payload"]
        values["workflow_id"] = None
        if found.get("workflow"):
            try:
                values["workflow_id"] = get_workflow(workspace_id, found["workflow"]).id
            except NotFound as error:
                wrong = {"field": "workflow", "message": str(error)}
                raise Invalid(errors=[wrong]) from error  # type: ignore[list-item]
        return values

    def _check_name(self, workspace_id: Any, name: str) -> None:
        same = (
            list_schedules(workspace_id)
            .filter(name=canonical_name(name))
            .exclude(pk=self.instance.pk)
        )
        if same.exists():
            message = f"There is a schedule {name!r} already."
            raise Invalid(errors=[{"field": "name", "message": message}])

    def _check(self, workspace_id: Any, values: dict[str, Any]) -> None:
        if not self.instance._state.adding and set(self.changed_data) == {"enabled"}:
            return  # what cannot start any more can be paused
        at = now()
        checked = check_schedule(workspace_id, values, at=at, anchor=self.instance.created_at)
        if {"schedule", "timezone", "start_at", "end_at"} & set(self.changed_data):
            check_fires(checked.timing, at)


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
