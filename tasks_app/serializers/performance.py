# ruff: noqa: N815 - fields have their names in the API
"""The performance summary as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from tasks_app.selectors.performance import Figures, Performance, quantile
from tasks_app.serializers.stats import TimesSerializer

_RATES = {
    "submitted": "submitted",
    "completed": "completed",
    "failed": "failed_tasks",
    "startedAttempts": "started",
    "failedAttempts": "failed",
}
_COUNTS = {**_RATES, "retriedAttempts": "retried"}


class PerformanceQuerySerializer(StrictSerializer):
    """The window: a number and m, h or d, from 5m to 30d."""

    window = serializers.CharField(default="1h", trim_whitespace=False, max_length=10)
    internal = serializers.BooleanField(default=False)


_ERROR_RATE = "Failed tasks among those that completed or failed."
_ATTEMPT_ERROR_RATE = "Failed attempts among those that succeeded or failed."
_RETRY_RATE = "Attempts that another one followed, among those that succeeded or failed."


class RatesSerializer(serializers.Serializer[Any]):
    """Tasks a second, and attempts where the name says so, from `measuredFrom` to the end of the
    window."""

    submitted = serializers.FloatField()
    completed = serializers.FloatField()
    failed = serializers.FloatField()
    startedAttempts = serializers.FloatField()
    failedAttempts = serializers.FloatField()


class FiguresSerializer(serializers.Serializer[Any]):
    """Tasks, and attempts where the name says so. The percentiles are within 4.8 %; times are null
    without attempts, rates without anything that completed or failed."""

    name = serializers.CharField()
    submitted = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    startedAttempts = serializers.IntegerField()
    failedAttempts = serializers.IntegerField(help_text="They failed, timed out or were lost.")
    retriedAttempts = serializers.IntegerField(help_text="Those of them that another followed.")
    errorRate = serializers.FloatField(allow_null=True, help_text=_ERROR_RATE)
    attemptErrorRate = serializers.FloatField(allow_null=True, help_text=_ATTEMPT_ERROR_RATE)
    retryRate = serializers.FloatField(allow_null=True, help_text=_RETRY_RATE)
    processingMs = TimesSerializer()
    waitMs = TimesSerializer()


class PointSerializer(serializers.Serializer[Any]):
    """One step, by its beginning: tasks, and attempts where the name says so."""

    at = UtcDateTimeField()
    submitted = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    failedAttempts = serializers.IntegerField()
    p95Ms = serializers.FloatField(allow_null=True)
    waitP95Ms = serializers.FloatField(allow_null=True)


# `from` is no name for an attribute.
_Window = type(
    "_Window",
    (serializers.Serializer,),
    {"from": UtcDateTimeField(), "to": UtcDateTimeField(), "__module__": __name__},
)


class PerformanceSerializer(_Window):  # type: ignore[misc, valid-type] # made just above
    """From the roll-ups of each minute, or of each hour if the window is longer than a day. The
    current minute is in it, up to ten seconds ago."""

    window = serializers.CharField()
    measuredFrom = UtcDateTimeField(
        help_text="When the window begins, or when the workspace's first task was made if later."
    )
    stepSeconds = serializers.IntegerField()
    throughput = RatesSerializer()
    processingMs = TimesSerializer()
    waitMs = TimesSerializer()
    errorRate = serializers.FloatField(allow_null=True, help_text=_ERROR_RATE)
    attemptErrorRate = serializers.FloatField(allow_null=True, help_text=_ATTEMPT_ERROR_RATE)
    retryRate = serializers.FloatField(allow_null=True, help_text=_RETRY_RATE)
    byType = FiguresSerializer(many=True, help_text="The 20 busiest.")
    byQueue = FiguresSerializer(many=True, help_text="The 20 busiest.")
    series = PointSerializer(many=True, help_text="At most 300 points.")


def represent_performance(found: Performance) -> dict[str, Any]:
    """What PerformanceSerializer describes."""
    total = found.total
    values = {
        "window": found.window,
        "from": found.begin,
        "to": found.end,
        "stepSeconds": int(found.step.total_seconds()),
        "measuredFrom": found.measured_from,
        "throughput": {
            name: round(getattr(total, count) / found.seconds, 6) for name, count in _RATES.items()
        },
        **_times_and_rates(total),
        "byType": [_figures(name, figures) for name, figures in found.by_type],
        "byQueue": [_figures(name, figures) for name, figures in found.by_queue],
        "series": [
            {
                "at": at,
                "submitted": figures.submitted,
                "completed": figures.completed,
                "failed": figures.failed_tasks,
                "failedAttempts": figures.failed,
                "p95Ms": quantile(figures.runs, 0.95, figures.longest_run_ms),
                "waitP95Ms": quantile(figures.waits, 0.95, figures.longest_wait_ms),
            }
            for at, figures in found.series
        ],
    }
    return dict(PerformanceSerializer(values).data)


def _figures(name: str, figures: Figures) -> dict[str, Any]:
    return {
        "name": name,
        **{name: getattr(figures, count) for name, count in _COUNTS.items()},
        **_times_and_rates(figures),
    }


def _times_and_rates(figures: Figures) -> dict[str, Any]:
    return {
        "processingMs": figures.processing_ms,
        "waitMs": figures.queueing_ms,
        "errorRate": figures.error_rate,
        "attemptErrorRate": figures.attempt_error_rate,
        "retryRate": figures.retry_rate,
    }
