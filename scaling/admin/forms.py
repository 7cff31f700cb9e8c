"""The forms of the fleet's page: the configuration, and a manual number of workers."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms

from controlplane.core.admin.forms import ServiceForm
from controlplane.core.formatting import format_number
from scaling.configuration import Configuration
from scaling.models import Pool
from scaling.selectors.pool import API_NAMES, get_values
from scaling.services.configuration import NUMBERS, WHOLE_NUMBERS
from scaling.services.manual import DEFAULT_HOLD_SECONDS, LONGEST_REASON
from scaling.strategies import STRATEGIES

# Label and help of each value.
_TEXTS: Mapping[str, tuple[str, str]] = {
    "enabled": ("Auto-scaling", "If off, the number of workers does not change."),
    "strategy": ("Strategy", "The rule that decides the number of workers."),
    "min_workers": ("Minimum workers", ""),
    "max_workers": ("Maximum workers", ""),
    "scale_up_threshold": ("Scale up at", "Waiting tasks."),
    "scale_down_threshold": ("Scale down below", "Waiting tasks."),
    "cooldown": ("Cooldown after scaling up", "Seconds. Used by the threshold strategy."),
    "down_cooldown": ("Cooldown after scaling down", "Seconds. Used by the threshold strategy."),
    "objective": ("Objective", "Seconds within which a task should start."),
    "goal": ("Goal", "Share of tasks that must start within the objective, 0.5 to 1."),
    "stabilisation": (
        "Stabilisation",
        "Seconds without scaling down after more workers were recommended.",
    ),
    "use_forecast": ("Forecast", "Whether a trusted forecast may raise the number of workers."),
}
_HOLDS = [
    (str(DEFAULT_HOLD_SECONDS), "for 5 minutes"),
    ("3600", "for an hour"),
    ("28800", "for 8 hours"),
    ("86400", "for a day"),
    ("", "until released"),
]


class ConfigurationForm(ServiceForm):
    """All current values with their sources. `version` is that of the values the person saw."""

    api_fields: ClassVar = {api: name for name, api in API_NAMES.items()}

    version = forms.IntegerField(widget=forms.HiddenInput)
    reset = forms.MultipleChoiceField(choices=list(API_NAMES.items()), required=False)

    def __init__(self, pool: Pool, data: Any = None) -> None:
        self._values = get_values(pool)
        self._overrides = pool.overrides
        shown = {name: _plain(value) for name, value in self._values.items()}
        super().__init__(data, initial={**shown, "version": pool.version})
        for name in API_NAMES:
            self.fields[name] = _field(name)

    def changes(self) -> dict[str, Any]:
        """The changed values, after is_valid(). None resets a value to the environment's."""
        reset = set(self.cleaned_data["reset"])
        changes: dict[str, Any] = {}
        for name in API_NAMES:
            if name in reset:
                changes[name] = None
            elif self.cleaned_data[name] != self._values[name]:
                changes[name] = self.cleaned_data[name]
        return changes

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every value with its field, texts and source, for the template."""
        environment = Configuration.from_environment().to_json()
        for name in API_NAMES:
            label, help_text = _TEXTS[name]
            yield {
                "name": name,
                "api": API_NAMES[name],
                "label": label,
                "help": help_text,
                "field": self[name],
                "value": _show(self._values[name]),
                "is_changed": name in self._overrides,
                "environment": _show(environment[name]),
            }


class ManualForm(ServiceForm):
    """A manual number of workers."""

    workers = forms.IntegerField(min_value=0, label="Workers")
    hold = forms.ChoiceField(choices=_HOLDS, required=False, label="Duration")
    reason = forms.CharField(max_length=LONGEST_REASON, label="Reason")

    def __init__(self, values: Mapping[str, Any], workers: int, data: Any = None) -> None:
        super().__init__(data, initial={"workers": workers, "hold": str(DEFAULT_HOLD_SECONDS)})
        limits = {"min": values["min_workers"], "max": values["max_workers"]}
        self.fields["workers"].widget.attrs.update(limits)

    @property
    def hold_seconds(self) -> int | None:
        """After is_valid(). None: until released."""
        hold = self.cleaned_data["hold"]
        return int(hold) if hold else None


def _field(name: str) -> forms.Field:
    label = _TEXTS[name][0]
    if name in WHOLE_NUMBERS:
        low, high = WHOLE_NUMBERS[name]
        return forms.IntegerField(min_value=low, max_value=high, label=label)
    if name in NUMBERS:
        lowest, highest = NUMBERS[name]
        return forms.FloatField(min_value=lowest, max_value=highest, label=label)
    if name == "strategy":
        return forms.ChoiceField(choices=[(each, each) for each in STRATEGIES], label=label)
    return forms.BooleanField(required=False, label=label)


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return format_number(value)


def _plain(value: Any) -> Any:
    """60.0 becomes 60."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
