# ruff: noqa: N815 - fields have their names in the API
"""Figures as JSON."""

from typing import Any

from rest_framework import serializers


class TimesSerializer(serializers.Serializer[Any]):
    """Milliseconds, of attempts; null when none ended in the window."""

    avg = serializers.FloatField(allow_null=True)
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class ThroughputSerializer(serializers.Serializer[Any]):
    """Tasks that completed or failed, a second, over the last minute and the last five; over the
    time since the first task if that is less. In a very busy workspace the window is shorter than
    the name says: see `window.seconds`."""

    perSecond1m = serializers.FloatField(source="per_second_1m")
    perSecond5m = serializers.FloatField(source="per_second_5m")


class WindowSerializer(serializers.Serializer[Any]):
    """What ended within the last `seconds`: tasks, unless the name says attempts."""

    seconds = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    attempts = serializers.IntegerField()
    failedAttempts = serializers.IntegerField(
        source="failed_attempts", help_text="They failed, timed out or were lost."
    )


class TaskStatsSerializer(serializers.Serializer[Any]):
    """The tasks that the workspace has, by status, type and queue; and how it went in the last
    minutes."""

    total = serializers.IntegerField(source="counts.total")
    totalIsEstimate = serializers.BooleanField(
        source="counts.is_estimate",
        help_text="Whether a queue has more unfinished tasks of one status than are counted, or "
        "counts wait for a dispatcher.",
    )
    byStatus = serializers.DictField(source="counts.states", child=serializers.IntegerField())
    byType = serializers.DictField(source="counts.types", child=serializers.IntegerField())
    byQueue = serializers.DictField(source="by_queue", child=serializers.IntegerField())
    window = WindowSerializer()
    throughput = ThroughputSerializer(source="*")
    processingMs = TimesSerializer(source="processing_ms", help_text="Of the window's attempts.")
    waitMs = TimesSerializer(source="wait_ms", help_text="Of the window's attempts.")
    successRate = serializers.FloatField(
        source="window.success_rate",
        allow_null=True,
        help_text="The share of completed tasks among those that completed or failed within the "
        "window; null when none did.",
    )
