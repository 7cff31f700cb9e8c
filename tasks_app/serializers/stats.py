# ruff: noqa: N815 - fields have their names in the API
"""Figures as JSON."""

from typing import Any

from rest_framework import serializers


class TimesSerializer(serializers.Serializer[Any]):
    """Milliseconds; null when nothing ended in the window."""

    avg = serializers.FloatField(allow_null=True)
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class ThroughputSerializer(serializers.Serializer[Any]):
    """Attempts that ended a second. In a very busy workspace the window is shorter than the name
    says: `windowSeconds` tells."""

    perSecond1m = serializers.FloatField(source="per_second_1m")
    perSecond5m = serializers.FloatField(source="per_second_5m")


class TaskStatsSerializer(serializers.Serializer[Any]):
    """Waiting and running tasks are those of now; COMPLETED, FAILED and CANCELLED, like all that
    is told of ended tasks, are those that ended within the window."""

    windowSeconds = serializers.IntegerField(source="window_seconds")
    countsAreLowerBounds = serializers.BooleanField(
        source="is_capped", help_text="Whether a queue holds more than is counted."
    )
    total = serializers.IntegerField()
    byStatus = serializers.DictField(source="by_status", child=serializers.IntegerField())
    byType = serializers.DictField(
        source="by_type",
        child=serializers.IntegerField(),
        help_text="Of each queue and status, the first 50,000 waiting tasks are looked at.",
    )
    byQueue = serializers.DictField(source="by_queue", child=serializers.IntegerField())
    throughput = ThroughputSerializer(source="*")
    processingMs = TimesSerializer(source="processing_ms")
    waitMs = TimesSerializer(source="wait_ms")
    successRate = serializers.FloatField(
        source="success_rate",
        allow_null=True,
        help_text="Share of the window's attempts that succeeded, of those that did or did not.",
    )
