"""The forms of the fleet's page: the configuration, and an order by hand."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from controlplane.core.errors import DomainError
from scaling.configuration import Configuration
from scaling.models import Pool
from scaling.selectors.pool import API_NAMES, get_values
from scaling.services.configuration import NUMBERS, WHOLE_NUMBERS
from scaling.services.manual import DEFAULT_HOLD_SECONDS, LONGEST_REASON
from scaling.strategies import STRATEGIES

_WORDS: Mapping[str, tuple[str, str]] = {
    "enabled": ("Auto-scaling", "Off: the number of workers stays as it is."),
    "strategy": ("Strategy", "What decides."),
    "min_workers": ("Fewest workers", ""),
    "max_workers": ("Most workers", ""),
    "scale_up_threshold": ("Grow at", "Waiting tasks."),
    "scale_down_threshold": ("Shrink below", "Waiting tasks."),
    "cooldown": ("Rest after growing", "Seconds; of the threshold rule."),
    "down_cooldown": ("Rest after shrinking", "Seconds; of the threshold rule."),
    "objective": ("Objective", "Seconds within which a task should start."),
    "goal": ("Goal", "The share of tasks that must, 0.5 to 1."),
    "stabilisation": ("Stabilisation", "Seconds for which a higher wish forbids to shrink."),
    "use_forecast": ("Forecast", "Whether one that has proved itself may raise the wish."),
}
_BESIDE = {api: name for name, api in API_NAMES.items()}
_HOLDS = [
    (str(DEFAULT_HOLD_SECONDS), "for 5 minutes"),
    ("3600", "for an hour"),
    ("28800", "for 8 hours"),
    ("86400", "for a day"),
    ("", "until it is released"),
]


class ConfigurationForm(forms.Form):
    """All values in force, each with where it comes from. `version`: which values were seen."""

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
        """What to change, after is_valid(): None for what goes back to the environment."""
        reset = set(self.cleaned_data["reset"])
        found: dict[str, Any] = {}
        for name in API_NAMES:
            if name in reset:
                found[name] = None
            elif self.cleaned_data[name] != self._values[name]:
                found[name] = self.cleaned_data[name]
        return found

    def refuse(self, error: DomainError) -> None:
        """Show what the service refused, beside its fields."""
        for each in error.errors or [{"field": "", "message": str(error)}]:
            self.add_error(_BESIDE.get(each["field"]), each["message"])

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every value with its field, its words and its source, for the template."""
        environment = Configuration.from_environment().to_json()
        for name in API_NAMES:
            label, help_text = _WORDS[name]
            yield {
                "name": name,
                "api": API_NAMES[name],
                "label": label,
                "help": help_text,
                "field": self[name],
                "value": _say(self._values[name]),
                "is_changed": name in self._overrides,
                "environment": _say(environment[name]),
            }


class OrderForm(forms.Form):
    """A number of workers by hand."""

    workers = forms.IntegerField(min_value=0, label="Workers")
    hold = forms.ChoiceField(choices=_HOLDS, required=False, label="Holds")
    reason = forms.CharField(max_length=LONGEST_REASON, label="Reason")

    def __init__(self, values: Mapping[str, Any], workers: int, data: Any = None) -> None:
        super().__init__(data, initial={"workers": workers, "hold": str(DEFAULT_HOLD_SECONDS)})
        limits = {"min": values["min_workers"], "max": values["max_workers"]}
        self.fields["workers"].widget.attrs.update(limits)

    def refuse(self, error: DomainError) -> None:
        """Show what the service refused."""
        for each in error.errors or [{"field": "", "message": str(error)}]:
            name = each["field"] if each["field"] in self.fields else None
            self.add_error(name, each["message"])

    @property
    def hold_seconds(self) -> int | None:
        """After is_valid(); None: until it is released."""
        hold = self.cleaned_data["hold"]
        return int(hold) if hold else None


def _field(name: str) -> forms.Field:
    label = _WORDS[name][0]
    if name in WHOLE_NUMBERS:
        least, most = WHOLE_NUMBERS[name]
        return forms.IntegerField(min_value=least, max_value=most, label=label)
    if name in NUMBERS:
        low, high = NUMBERS[name]
        return forms.FloatField(min_value=low, max_value=high, label=label)
    if name == "strategy":
        return forms.ChoiceField(choices=[(each, each) for each in STRATEGIES], label=label)
    return forms.BooleanField(required=False, label=label)


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(_plain(value))


def _plain(value: Any) -> Any:
    """60.0 as 60."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
