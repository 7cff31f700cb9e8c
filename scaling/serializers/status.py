# ruff: noqa: N815 - fields have their names in the API
"""How the fleet stands, and orders by hand, as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from scaling.serializers.events import EventSerializer
from scaling.services.configuration import WHOLE_NUMBERS
from scaling.services.manual import (
    DEFAULT_HOLD_SECONDS,
    LONGEST_HOLD_SECONDS,
    LONGEST_REASON,
)
from tasks_app.serializers.fields import TextField, WholeNumberField

MOST_WORKERS = WHOLE_NUMBERS["max_workers"][1]


class ScaleRequestSerializer(StrictSerializer):
    """How many workers there are to be, and why."""

    workers = WholeNumberField(
        min_value=0, max_value=MOST_WORKERS, help_text="Within minWorkers and maxWorkers."
    )
    reason = TextField(max_length=LONGEST_REASON)
    holdSeconds = WholeNumberField(
        source="hold_seconds",
        default=DEFAULT_HOLD_SECONDS,
        allow_null=True,
        min_value=1,
        max_value=LONGEST_HOLD_SECONDS,
        help_text="For how long the strategy decides nothing; null, or while auto-scaling is off: "
        "until it is released.",
    )
    idempotencyKey = TextField(
        source="key", required=False, max_length=255, help_text="Or the header Idempotency-Key."
    )

    def get_initial(self) -> dict[str, Any]:
        """What the browsable API's form begins with."""
        return {"workers": 3, "reason": "The sale begins at noon.", "holdSeconds": 3600}


class MetricSerializer(serializers.Serializer[Any]):
    """For KEDA and the HPA."""

    value = serializers.IntegerField(help_text="Workers that are wanted; 0 when idle.")


class ManualOrderSerializer(serializers.Serializer[Any]):
    """A number that a person ordered."""

    workers = serializers.IntegerField()
    until = UtcDateTimeField(allow_null=True, help_text="null: until it is released.")
    by = serializers.CharField()


class NextLaunchSerializer(serializers.Serializer[Any]):
    """A pause after launches that failed."""

    at = UtcDateTimeField(source="until")
    failures = serializers.IntegerField(help_text="Attempts in a row that brought no worker.")
    reason = serializers.CharField()


class StatusSerializer(serializers.Serializer[Any]):
    """How the fleet and the loop that sizes it stand."""

    backend = serializers.CharField()
    enabled = serializers.BooleanField(help_text="Whether a strategy decides.")
    isRunning = serializers.BooleanField(
        source="leader.leads", help_text="Whether `manage.py autoscale` runs."
    )
    lastSeen = UtcDateTimeField(
        source="seen_at", allow_null=True, help_text="When it was last heard of; null: never."
    )
    target = serializers.IntegerField(
        source="pool.target", allow_null=True, help_text="null: nothing decides."
    )
    ready = serializers.IntegerField(source="pool.ready")
    starting = serializers.IntegerField(source="pool.starting")
    draining = serializers.IntegerField(source="pool.draining")
    decidedAt = UtcDateTimeField(source="pool.decided_at", allow_null=True)
    manual = ManualOrderSerializer(allow_null=True)
    problem = serializers.SerializerMethodField(
        help_text="Why the number of workers cannot be moved; null when it can."
    )
    startupSeconds = serializers.FloatField(
        source="startup.seconds",
        default=None,
        allow_null=True,
        help_text="From the wish for a worker until it is ready, p95 of `startupLaunches`; null: "
        "none was measured yet.",
    )
    startupLaunches = serializers.IntegerField(
        source="startup.launches",
        default=0,
        help_text="Launches that were measured, the newest 50 of a month at most.",
    )
    nextLaunch = NextLaunchSerializer(
        source="pause",
        allow_null=True,
        help_text="After launches that failed: when the next worker is launched if one is wanted; "
        "null: at once.",
    )
    newestEvent = EventSerializer(source="newest", allow_null=True)

    def get_problem(self, status: Any) -> str | None:
        return status.problem or None
