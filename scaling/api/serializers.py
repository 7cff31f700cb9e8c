# ruff: noqa: N815 - fields have their names in the API
"""Status and configuration of the fleet as JSON."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from controlplane.core.http.serializers import UNKNOWN, StrictSerializer, UtcDateTimeField
from scaling.api.event_serializers import EventSerializer
from scaling.overrides import DEFAULT_HOLD_SECONDS, MAX_HOLD_SECONDS, MAX_REASON_LENGTH
from scaling.queries.pool import get_backend, get_values
from scaling.schema import MAX_WORKERS, NAMES_BY_API, SETTINGS, Setting
from tasks_app.serializers.fields import TextField, WholeNumberField

SOURCES = ["environment", "changed"]


class ScaleRequestSerializer(StrictSerializer):
    """A manual override: how many workers there should be, and why."""

    workers = WholeNumberField(
        min_value=0, max_value=MAX_WORKERS, help_text="Within minWorkers and maxWorkers."
    )
    reason = TextField(max_length=MAX_REASON_LENGTH)
    holdSeconds = WholeNumberField(
        source="hold_seconds",
        default=DEFAULT_HOLD_SECONDS,
        allow_null=True,
        min_value=1,
        max_value=MAX_HOLD_SECONDS,
        help_text="Seconds for which the override holds. When null, or while auto-scaling is off, "
        "it holds until it is released.",
    )
    idempotencyKey = TextField(
        source="key", required=False, max_length=255, help_text="Or the header Idempotency-Key."
    )

    def get_initial(self) -> dict[str, Any]:
        """The initial form of the browsable API."""
        return {"workers": 3, "reason": "The sale begins at noon.", "holdSeconds": 3600}


class MetricSerializer(serializers.Serializer[Any]):
    """For KEDA and the HPA."""

    value = serializers.IntegerField(help_text="Desired workers; 0 when idle.")


class ManualOverrideSerializer(serializers.Serializer[Any]):
    """A number of workers that a person set."""

    workers = serializers.IntegerField()
    until = UtcDateTimeField(
        allow_null=True, help_text="When it expires; null: when it is released."
    )
    by = serializers.CharField()


class NextLaunchSerializer(serializers.Serializer[Any]):
    """A pause after launches that failed."""

    at = UtcDateTimeField(source="until")
    failures = serializers.IntegerField(help_text="Failed attempts in a row.")
    reason = serializers.CharField()


class StatusSerializer(serializers.Serializer[Any]):
    """State of the fleet and of the control loop."""

    backend = serializers.CharField()
    enabled = serializers.BooleanField(help_text="Whether a strategy decides.")
    isRunning = serializers.BooleanField(
        source="leader.leads", help_text="Whether `manage.py autoscale` runs."
    )
    lastSeen = UtcDateTimeField(
        source="seen_at", allow_null=True, help_text="When it last ran; null: never."
    )
    target = serializers.IntegerField(
        source="pool.target",
        allow_null=True,
        help_text="Desired workers; null: auto-scaling is off.",
    )
    ready = serializers.IntegerField(source="pool.ready")
    starting = serializers.IntegerField(source="pool.starting")
    draining = serializers.IntegerField(source="pool.draining")
    decidedAt = UtcDateTimeField(source="pool.decided_at", allow_null=True)
    manual = ManualOverrideSerializer(allow_null=True)
    problem = serializers.SerializerMethodField(
        help_text="Why the number of workers cannot be changed; null when it can."
    )
    startupSeconds = serializers.FloatField(
        source="startup.seconds",
        default=None,
        allow_null=True,
        help_text="Seconds from the request for a worker until it is ready, p95 of "
        "`startupLaunches`; null: none was measured yet.",
    )
    startupLaunches = serializers.IntegerField(
        source="startup.launches",
        default=0,
        help_text="Number of launches measured: the newest, up to 50, of a month.",
    )
    nextLaunch = NextLaunchSerializer(
        source="pause",
        allow_null=True,
        help_text="After failed launches: when the next worker can be launched; null: at once.",
    )
    newestEvent = EventSerializer(source="newest", allow_null=True)

    def get_problem(self, status: Any) -> str | None:
        return status.problem or None


def _field(setting: Setting, **options: Any) -> serializers.Field[Any, Any, Any, Any]:
    """The field of one value, for the documents and the form of the browsable API; the model checks
    it."""
    options["help_text"] = setting.help
    if setting.choices:
        return serializers.ChoiceField(
            choices=[(each, each) for each in setting.choices], **options
        )
    if setting.kind is bool:
        return serializers.BooleanField(**options)
    number = serializers.IntegerField if setting.kind is int else serializers.FloatField
    return number(min_value=setting.minimum, max_value=setting.maximum, **options)


class ConfigurationChangeSerializer(serializers.Serializer[Any]):
    """Any of the values; null resets one to the environment's."""

    values_without_unknown: Any = None

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Those of the model `scaling.schema.Configuration`."""
        return {
            setting.api: _field(setting, required=False, allow_null=True)
            for setting in SETTINGS.values()
        }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """By field name. The values are checked where they are changed."""
        if not isinstance(data, Mapping):
            return dict(super().to_internal_value(data))  # which refuses it
        unknown = {str(name)[:100]: [UNKNOWN] for name in data if name not in NAMES_BY_API}
        values = {NAMES_BY_API[name]: data[name] for name in data if name in NAMES_BY_API}
        if unknown:
            self.values_without_unknown = values or None
            raise serializers.ValidationError(unknown)
        if not data:
            raise serializers.ValidationError(
                {"non_field_errors": [f"Give at least one of {', '.join(NAMES_BY_API)}."]}
            )
        return values

    def get_initial(self) -> dict[str, Any]:
        """The initial form of the browsable API."""
        return {SETTINGS["max_workers"].api: SETTINGS["max_workers"].default}


class ConfigurationSerializer(serializers.Serializer[Any]):
    """The values in force, the source of each, and who changed them last."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Those of the model `scaling.schema.Configuration`, then the rest."""
        values = {setting.api: _field(setting) for setting in SETTINGS.values()}
        return {**values, **super().get_fields()}

    backend = serializers.CharField(help_text="Set by AUTO_SCALING_BACKEND.")
    version = serializers.IntegerField(help_text="Increases with each change.")
    changedAt = UtcDateTimeField(allow_null=True)
    changedBy = serializers.CharField(allow_null=True)
    sources = serializers.DictField(
        child=serializers.ChoiceField(choices=SOURCES),
        help_text="Source of each field: the environment, or changed at run time.",
    )


def represent_configuration(pool: Any) -> dict[str, Any]:
    """The configuration of a pool as JSON."""
    values = get_values(pool)
    configuration = {
        **{setting.api: values[name] for name, setting in SETTINGS.items()},
        "backend": get_backend(pool),
        "version": pool.version,
        "changedAt": pool.changed_at,
        "changedBy": pool.changed_by or None,
        "sources": {
            setting.api: "changed" if name in pool.overrides else "environment"
            for name, setting in SETTINGS.items()
        },
    }
    return dict(ConfigurationSerializer(configuration).data)
