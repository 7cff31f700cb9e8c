"""The forms of the fleet's page: the configuration, and a manual number of workers."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms

from controlplane.core.admin.forms import ServiceForm
from controlplane.core.formatting import (
    format_count,
    format_duration,
    format_number,
    format_percent,
)
from scaling.models import Pool
from scaling.queries.pool import get_environment, get_values
from scaling.schema import (
    DEFAULT_HOLD_SECONDS,
    MAX_REASON_LENGTH,
    NAMES_BY_API,
    SETTINGS,
    Setting,
)

_HOLDS = [
    (str(DEFAULT_HOLD_SECONDS), "for 5 minutes"),
    ("3600", "for an hour"),
    ("28800", "for 8 hours"),
    ("86400", "for a day"),
    ("", "until released"),
]


class ConfigurationForm(ServiceForm):
    """All current values with their sources; the fields are those of
    `scaling.schema.Configuration`. `version` is the version of the values that the person saw."""

    api_fields: ClassVar = NAMES_BY_API

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
        """The changed values, after is_valid(). None resets a value to the environment's."""
        reset = set(self.cleaned_data["reset"])
        changes: dict[str, Any] = {}
        for name in SETTINGS:
            if name in reset:
                changes[name] = None
            elif self.cleaned_data[name] != self._values[name]:
                changes[name] = self.cleaned_data[name]
        return changes

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every value with its field, texts and source, for the template."""
        environment = get_environment()
        for name, setting in SETTINGS.items():
            yield {
                "name": name,
                "api": setting.api,
                "label": setting.label,
                "help": setting.help,
                "field": self[name],
                "value": _show(self._values[name]),
                "words": _describe(name, self._values[name]),
                "is_changed": name in self._overrides,
                "environment": _show(environment[name]),
            }


class ManualForm(ServiceForm):
    """A manual number of workers."""

    workers = forms.IntegerField(min_value=0, label="Workers")
    hold = forms.ChoiceField(choices=_HOLDS, required=False, label="Duration")
    reason = forms.CharField(max_length=MAX_REASON_LENGTH, label="Reason")

    def __init__(self, values: Mapping[str, Any], workers: int, data: Any = None) -> None:
        super().__init__(data, initial={"workers": workers, "hold": str(DEFAULT_HOLD_SECONDS)})
        limits = {"min": values["min_workers"], "max": values["max_workers"]}
        self.fields["workers"].widget.attrs.update(limits)

    @property
    def hold_seconds(self) -> int | None:
        """After is_valid(). None: until released."""
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


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return format_number(value)


def _describe(name: str, value: Any) -> str:
    """The value with its unit."""
    if name.endswith("_seconds"):
        return format_duration(value)
    if name == "goal":
        return format_percent(value)
    if name.endswith("_threshold"):
        return format_count(value, "waiting task")
    return _show(value)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
