# ruff: noqa: N815 - fields have their names in the API
"""The performance summary as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from tasks_app.histograms import percentile
from tasks_app.selectors.performance import COUNTS, Figures, Performance, rounded, summarize
from tasks_app.serializers.stats import TimesSerializer


class PerformanceQuerySerializer(StrictSerializer):
    """The window: a number and m, h or d, from 5m to 30d."""

    window = serializers.CharField(default="1h", trim_whitespace=False, max_length=10)


class RatesSerializer(serializers.Serializer[Any]):
    """A second, over the window. `submitted` counts tasks, the others attempts."""

    submitted = serializers.FloatField()
    started = serializers.FloatField()
    completed = serializers.FloatField()
    failed = serializers.FloatField()


class FiguresSerializer(serializers.Serializer[Any]):
    """`submitted` counts tasks, the others attempts. The percentiles are within 4.8 %; times are
    null without attempts, rates without any that completed or failed."""

    name = serializers.CharField()
    submitted = serializers.IntegerField()
    started = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Attempts that failed, timed out or were lost.")
    retried = serializers.IntegerField(help_text="Those of them that another attempt followed.")
    errorRate = serializers.FloatField(allow_null=True)
    retryRate = serializers.FloatField(allow_null=True)
    processingMs = TimesSerializer()
    waitMs = TimesSerializer()


class PointSerializer(serializers.Serializer[Any]):
    """One step, by its beginning."""

    at = UtcDateTimeField()
    submitted = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
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
    stepSeconds = serializers.IntegerField()
    throughput = RatesSerializer()
    processingMs = TimesSerializer()
    waitMs = TimesSerializer()
    errorRate = serializers.FloatField(allow_null=True)
    retryRate = serializers.FloatField(allow_null=True)
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
        "throughput": {
            name: round(getattr(total, name) / found.seconds, 6)
            for name in ("submitted", "started", "completed", "failed")
        },
        **_times_and_rates(total),
        "byType": [_figures(name, figures) for name, figures in found.by_type],
        "byQueue": [_figures(name, figures) for name, figures in found.by_queue],
        "series": [
            {
                "at": at,
                "submitted": figures.submitted,
                "completed": figures.completed,
                "failed": figures.failed,
                "p95Ms": rounded(percentile(figures.runs, 0.95)),
                "waitP95Ms": rounded(percentile(figures.waits, 0.95)),
            }
            for at, figures in found.series
        ],
    }
    return dict(PerformanceSerializer(values).data)


def _figures(name: str, figures: Figures) -> dict[str, Any]:
    return {
        "name": name,
        **{count: getattr(figures, count) for count in COUNTS},
        **_times_and_rates(figures),
    }


def _times_and_rates(figures: Figures) -> dict[str, Any]:
    return {
        "processingMs": summarize(figures.runs, figures.run_ms),
        "waitMs": summarize(figures.waits, figures.wait_ms),
        "errorRate": figures.error_rate,
        "retryRate": figures.retry_rate,
    }
