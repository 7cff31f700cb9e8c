# ruff: noqa: N815 - fields have their names in the API
"""Nodes as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import BoundField, StrictSerializer, UtcDateTimeField
from workers.states import NodeState

_STATES = ", ".join(NodeState.values)


class NodeSerializer(serializers.Serializer[Any]):
    """One run of one worker. A worker that starts again, or comes back after it was declared lost,
    is another node. Figures are those of the newest heartbeat; `cpu` and `memory` those of the
    newest sample, null before the first."""

    id = serializers.IntegerField()
    name = serializers.CharField(
        help_text="`worker#id`, as in `workerNode` of a task and in scaling events. Unique."
    )
    incarnation = serializers.UUIDField()
    replaces = serializers.IntegerField(
        allow_null=True, help_text="The node that it was before it was declared lost."
    )
    host = serializers.CharField()
    version = serializers.CharField()
    status = serializers.ChoiceField(
        source="state",
        choices=NodeState.choices,
        help_text="STOPPED: ended in order. LOST: killed, crashed, or without a heartbeat.",
    )
    endReason = serializers.SerializerMethodField(help_text="Why it ended; null while it lives.")
    queues = serializers.ListField(child=serializers.CharField(), help_text="`*`: all.")
    concurrency = serializers.IntegerField(help_text="Slots, each a process.")
    running = serializers.IntegerField(help_text="Handlers that run.")
    processed = serializers.IntegerField(help_text="Tasks that ended on it.")
    failed = serializers.IntegerField(help_text="Those of them that failed for good.")
    staleWrites = serializers.IntegerField(
        source="stale_writes", help_text="Outcomes that were refused without a lease."
    )
    cpu = serializers.FloatField(
        source="cpu_percent",
        allow_null=True,
        help_text="Percent of one core, over all processes of the worker.",
    )
    memory = serializers.IntegerField(
        source="memory_bytes",
        allow_null=True,
        help_text="Bytes, over all processes of the worker; shared pages count once.",
    )
    healthPort = serializers.IntegerField(source="health_port", allow_null=True)
    heartbeatAt = UtcDateTimeField(source="heartbeat_at")
    startedAt = UtcDateTimeField(source="started_at")
    stoppedAt = UtcDateTimeField(source="stopped_at", allow_null=True)
    drainRequestedAt = UtcDateTimeField(source="drain_requested_at", allow_null=True)

    def get_endReason(self, node: Any) -> str | None:  # noqa: N802 - the field's name in the API
        return node.end_reason or None


class SlotSerializer(serializers.Serializer[Any]):
    """A pool child and the task that has run in it longest."""

    slot = serializers.IntegerField(help_text="Its process id on the host.")
    running = serializers.IntegerField(help_text="Async handlers share a slot by hundreds.")
    taskId = serializers.UUIDField(
        source="task_id",
        allow_null=True,
        help_text="Null when nothing runs, or a task of another workspace.",
    )
    type = serializers.CharField(allow_null=True)
    startedAt = UtcDateTimeField(source="started_at", allow_null=True)


class NodeSampleSerializer(serializers.Serializer[Any]):
    """What a node did and cost at one moment."""

    at = UtcDateTimeField()
    cpu = serializers.FloatField(source="cpu_percent")
    memory = serializers.IntegerField(source="memory_bytes")
    running = serializers.IntegerField()
    processed = serializers.IntegerField(help_text="Since the node began.")
    failed = serializers.IntegerField(help_text="Since the node began.")
    grainSeconds = serializers.IntegerField(
        source="grain_seconds",
        help_text="For how long it stands: 0 as it was taken, 600 after a day, 3600 after 30.",
    )


class NodeDetailSerializer(NodeSerializer):
    """A node with its slots, and its newest samples, newest first."""

    slots = SlotSerializer(source="slot_views", many=True)
    samples = NodeSampleSerializer(source="newest_samples", many=True)


class NodeQuerySerializer(StrictSerializer):
    """Filters of nodes."""

    status = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text="Comma-separated. Without it: nodes that live or ended within the last hour.",
    )

    name = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=120,
        help_text="Exact name of one node, living or ended: `vm#12`, in a URL `vm%2312`.",
    )

    def validate_status(self, text: str) -> tuple[str, ...]:
        """States by comma."""
        states = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        if unknown := [state for state in states if state not in NodeState.values]:
            raise serializers.ValidationError(
                f"There is no status {unknown[0][:50]!r}: one of {_STATES}."
            )
        return states


class NodeSampleQuerySerializer(StrictSerializer):
    """Filters of samples."""

    since = BoundField(required=False)
