# ruff: noqa: N815 - fields have their names in the API
"""What an operator decides about the fleet, as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from scaling.models import Pool
from scaling.selectors.pool import API_NAMES, get_backend, get_values
from scaling.services.configuration import NUMBERS, WHOLE_NUMBERS
from scaling.strategies import STRATEGIES
from tasks_app.serializers.fields import FlagField, NumberField, WholeNumberField

_STRATEGIES = [(name, name) for name in STRATEGIES]
SOURCES = ["environment", "changed"]
_HELP = {
    "min_workers": "The fewest workers.",
    "max_workers": "The most workers.",
    "scale_up_threshold": "Waiting tasks at which it grows.",
    "scale_down_threshold": "Waiting tasks from which on nothing shrinks.",
    "cooldown": "For how long the threshold rule rests after it grew.",
    "down_cooldown": "For how long it rests after it shrank.",
    "objective": "Within this a task should start.",
    "goal": "The share of tasks that must.",
    "stabilisation": "For how long a higher wish forbids to shrink.",
}


def _whole(name: str) -> WholeNumberField:
    least, most = WHOLE_NUMBERS[name]
    return WholeNumberField(
        source=name,
        required=False,
        allow_null=True,
        min_value=least,
        max_value=most,
        help_text=_HELP[name],
    )


def _number(name: str) -> NumberField:
    least, most = NUMBERS[name]
    return NumberField(
        # One that is the field's own name is refused.
        source=None if API_NAMES[name] == name else name,
        required=False,
        allow_null=True,
        min_value=least,
        max_value=most,
        help_text=_HELP[name],
    )


class ConfigurationChangeSerializer(StrictSerializer):
    """Any of the values. null puts one back to that of the environment."""

    enabled = FlagField(required=False, allow_null=True, help_text="Whether a strategy decides.")
    strategy = serializers.ChoiceField(choices=_STRATEGIES, required=False, allow_null=True)
    scaleUpThreshold = _whole("scale_up_threshold")
    scaleDownThreshold = _whole("scale_down_threshold")
    minWorkers = _whole("min_workers")
    maxWorkers = _whole("max_workers")
    cooldownSeconds = _number("cooldown")
    downCooldownSeconds = _number("down_cooldown")
    objectiveSeconds = _number("objective")
    goal = _number("goal")
    stabilisationSeconds = _number("stabilisation")
    useForecast = FlagField(source="use_forecast", required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                f"Say what to change: {', '.join(self.fields)}.", code="required"
            )
        return attrs

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return {"maxWorkers": 10}


class ConfigurationSerializer(serializers.Serializer[Any]):
    """The values in force, where each comes from, and who changed them last."""

    enabled = serializers.BooleanField()
    strategy = serializers.ChoiceField(choices=_STRATEGIES)
    scaleUpThreshold = serializers.IntegerField()
    scaleDownThreshold = serializers.IntegerField()
    minWorkers = serializers.IntegerField()
    maxWorkers = serializers.IntegerField()
    cooldownSeconds = serializers.FloatField()
    downCooldownSeconds = serializers.FloatField()
    objectiveSeconds = serializers.FloatField()
    goal = serializers.FloatField()
    stabilisationSeconds = serializers.FloatField()
    useForecast = serializers.BooleanField()
    backend = serializers.CharField(help_text="Of the environment: AUTO_SCALING_BACKEND.")
    version = serializers.IntegerField(help_text="One more with each change.")
    changedAt = UtcDateTimeField(allow_null=True)
    changedBy = serializers.CharField(allow_null=True)
    sources = serializers.DictField(
        child=serializers.ChoiceField(choices=SOURCES),
        help_text="By field: of the environment, or changed while it ran.",
    )


def represent_configuration(pool: Pool) -> dict[str, Any]:
    """The configuration of a pool as JSON."""
    values = get_values(pool)
    told = {
        **{api: values[name] for name, api in API_NAMES.items()},
        "backend": get_backend(pool),
        "version": pool.version,
        "changedAt": pool.changed_at,
        "changedBy": pool.changed_by or None,
        "sources": {
            api: "changed" if name in pool.overrides else "environment"
            for name, api in API_NAMES.items()
        },
    }
    return dict(ConfigurationSerializer(told).data)
