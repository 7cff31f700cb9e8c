# ruff: noqa: N815 - fields have their names in the API
"""Queues and task types as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from tasks_app.selectors import view_queues
from tasks_app.serializers.fields import FlagField, NumberField, WholeNumberField

MAX_RUNNING = 1_000_000
FASTEST_RATE = 1_000_000
_SLOWEST_RATE = 0.0001  # one start in about three hours


class _QueueListSerializer(serializers.ListSerializer[Any]):
    def to_representation(self, data: Any) -> list[Any]:
        return super().to_representation(view_queues(data))


class QueueSerializer(serializers.Serializer[Any]):
    """A queue of the workspace, with the tasks that wait and run in it now: its load, internal
    tasks included. Of one status at most a million are counted."""

    class Meta:
        list_serializer_class = _QueueListSerializer

    name = serializers.CharField(source="queue.name")
    depth = serializers.IntegerField(source="counts.pending", help_text="Ready to run.")
    running = serializers.IntegerField(source="counts.running")
    scheduled = serializers.IntegerField(source="counts.scheduled")
    retrying = serializers.IntegerField(source="counts.retrying")
    blocked = serializers.IntegerField(source="counts.blocked")
    isEstimate = serializers.BooleanField(
        source="counts.is_capped", help_text="Whether there may be more than a million of one."
    )
    oldestWaitingMs = serializers.IntegerField(
        source="oldest_waiting_ms",
        allow_null=True,
        help_text="How long the first of the ready tasks has waited; null when none waits.",
    )
    paused = serializers.SerializerMethodField()
    pausedAt = UtcDateTimeField(source="queue.paused_at", allow_null=True)
    pausedBy = serializers.SerializerMethodField()
    maxRunning = serializers.IntegerField(source="queue.max_running", allow_null=True)
    ratePerSecond = serializers.FloatField(source="queue.rate_per_second", allow_null=True)
    createdAt = UtcDateTimeField(source="queue.created_at")

    def get_paused(self, view: Any) -> bool:
        return view.queue.paused_at is not None

    def get_pausedBy(self, view: Any) -> str | None:  # noqa: N802 - named after its field
        return view.queue.paused_by or None


class RecentSerializer(serializers.Serializer[Any]):
    """The hot view: ids of the newest ended tasks."""

    completed = serializers.ListField(
        source="recent_completed",
        child=serializers.UUIDField(),
        help_text="At most QUEUE_REMOVE_ON_COMPLETE.",
    )
    failed = serializers.ListField(
        source="recent_failed",
        child=serializers.UUIDField(),
        help_text="At most QUEUE_REMOVE_ON_FAIL.",
    )


class QueueDetailSerializer(QueueSerializer):
    """One queue, with its hot view. History is kept by retention, not by these lists."""

    recent = RecentSerializer(source="*")


class QueueChangeSerializer(StrictSerializer):
    """What to change; null lifts a limit. Operators pause and resume; limits are for admins."""

    paused = FlagField(required=False)
    maxRunning = WholeNumberField(
        source="max_running", required=False, allow_null=True, min_value=1, max_value=MAX_RUNNING
    )
    ratePerSecond = NumberField(
        source="rate_per_second",
        required=False,
        allow_null=True,
        min_value=_SLOWEST_RATE,
        max_value=FASTEST_RATE,
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                f"Say what to change: {', '.join(self.fields)}.", code="required"
            )
        return attrs


class TaskTypeSerializer(serializers.Serializer[Any]):
    """A registered processor and the defaults of its tasks."""

    type = serializers.CharField(source="name")
    description = serializers.CharField()
    queue = serializers.CharField()
    isAsync = serializers.BooleanField(source="is_async")
    maxAttempts = serializers.IntegerField(source="max_attempts")
    timeoutSeconds = serializers.FloatField(source="timeout_seconds")
    retry = serializers.DictField(source="retry.to_json")
    isInternal = serializers.BooleanField(
        source="is_internal", help_text="Bookkeeping of the platform."
    )
    payloadSchema = serializers.DictField(source="payload_schema", help_text="JSON Schema.")
