"""The forms of the fleet's page: the configuration, and the manual override."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from controlplane.core.errors import DomainError
from scaling.models import Pool
from scaling.overrides import DEFAULT_HOLD_SECONDS, MAX_REASON_LENGTH
from scaling.queries.pool import get_environment, get_values
from scaling.schema import NAMES_BY_API, SETTINGS, Setting

_HOLDS = [
    (str(DEFAULT_HOLD_SECONDS), "for 5 minutes"),
    ("3600", "for an hour"),
    ("28800", "for 8 hours"),
    ("86400", "for a day"),
    ("", "until it is released"),
]


class ConfigurationForm(forms.Form):
    """All values in force, each with its source; the fields are those of the model
    `scaling.schema.Configuration`. `version`: which values were seen."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reset = forms.MultipleChoiceField(choices=[(name, name) for name in SETTINGS], required=False)

    def __init__(self, pool: Pool, data: Any = None) -> None:
        self._values = get_values(pool)
        self._overrides = pool.overrides
        shown = {name: _plain(value) for name, value in self._values.items()}
        super().__init__(data, initial={**shown, "version": pool.version})
        for setting in SETTINGS.values():
            self.fields[setting.name] = _field(setting)

    def changes(self) -> dict[str, Any]:
        """What to change, after is_valid(): None for what is reset to the environment's value."""
        reset = set(self.cleaned_data["reset"])
        changes: dict[str, Any] = {}
        for name in SETTINGS:
            if name in reset:
                changes[name] = None
            elif self.cleaned_data[name] != self._values[name]:
                changes[name] = self.cleaned_data[name]
        return changes

    def refuse(self, error: DomainError) -> None:
        """Show the errors of the service beside their fields."""
        for each in error.errors or [{"field": "", "message": str(error)}]:
            self.add_error(NAMES_BY_API.get(each["field"]), each["message"])

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every value with its field, label, help and source, for the template."""
        environment = get_environment()
        for name, setting in SETTINGS.items():
            yield {
                "name": name,
                "api": setting.api,
                "label": setting.label,
                "help": setting.help,
                "field": self[name],
                "value": _say(self._values[name]),
                "is_changed": name in self._overrides,
                "environment": _say(environment[name]),
            }


class OverrideForm(forms.Form):
    """A number of workers set by hand."""

    workers = forms.IntegerField(min_value=0, label="Workers")
    hold = forms.ChoiceField(choices=_HOLDS, required=False, label="Holds")
    reason = forms.CharField(max_length=MAX_REASON_LENGTH, label="Reason")

    def __init__(self, values: Mapping[str, Any], workers: int, data: Any = None) -> None:
        super().__init__(data, initial={"workers": workers, "hold": str(DEFAULT_HOLD_SECONDS)})
        limits = {"min": values["min_workers"], "max": values["max_workers"]}
        self.fields["workers"].widget.attrs.update(limits)

    def refuse(self, error: DomainError) -> None:
        """Show the errors of the service beside their fields."""
        for each in error.errors or [{"field": "", "message": str(error)}]:
            name = each["field"] if each["field"] in self.fields else None
            self.add_error(name, each["message"])

    @property
    def hold_seconds(self) -> int | None:
        """After is_valid(); None: until it is released."""
        hold = self.cleaned_data["hold"]
        return int(hold) if hold else None


def _field(setting: Setting) -> forms.Field:
    if setting.choices:
        choices = [(each, each) for each in setting.choices]
        return forms.ChoiceField(choices=choices, label=setting.label)
    if setting.kind is bool:
        return forms.BooleanField(required=False, label=setting.label)
    number = forms.IntegerField if setting.kind is int else forms.FloatField
    return number(min_value=setting.minimum, max_value=setting.maximum, label=setting.label)


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(_plain(value))


def _plain(value: Any) -> Any:
    """60.0 as 60."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
