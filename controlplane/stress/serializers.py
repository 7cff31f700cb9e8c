# ruff: noqa: N815 - fields have their names in the API
"""Stress tests as JSON, and what may be asked of them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from controlplane.stress.queries import StressView, describe_test
from controlplane.stress.spec import QUEUE, parameters_of, tag_of
from controlplane.stress.states import StressShape, StressState, StressType, Verdict


class StressRequestSerializer(StrictSerializer):
    """What to do. The service checks the values."""

    tasks = serializers.IntegerField(min_value=1, help_text="At most STRESS_MAX_TASKS.")
    type = serializers.ChoiceField(choices=StressType.choices, default=StressType.SLEEP)
    durationMs = serializers.FloatField(
        source="duration_ms", default=100.0, help_text="Of each task, 0 to 60,000."
    )
    failureRate = serializers.FloatField(
        source="failure_rate",
        default=0.0,
        help_text="0…1: share of the tasks that fail for good; with `flaky`, once.",
    )
    dependentShare = serializers.FloatField(
        source="dependent_share", default=0.0, help_text="0…0.8: share that waits for others."
    )
    shape = serializers.ChoiceField(
        choices=StressShape.choices, default=StressShape.MIXED, help_text="Of the dependents."
    )
    ratePerSecond = serializers.FloatField(
        source="rate_per_second",
        allow_null=True,
        default=None,
        help_text="Submissions, 0.1 to 10,000; null: as fast as it goes.",
    )
    name = serializers.CharField(default="", allow_blank=True, max_length=200)
    seed = serializers.IntegerField(
        allow_null=True,
        default=None,
        min_value=0,
        max_value=2**31 - 1,
        help_text="Decides which tasks fail; null: drawn.",
    )
    confirm = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=200,
        help_text=f"In production: the workspace's slug, or `{QUEUE}`.",
    )
    idempotencyKey = serializers.CharField(
        source="key", required=False, allow_null=True, max_length=255
    )


class StressListQuerySerializer(StrictSerializer):
    """The parameters of the list."""

    status = serializers.CharField(required=False, help_text="Comma-separated list.")

    def validate_status(self, text: str) -> list[str]:
        """Known states. Raises ValidationError."""
        wanted = [part.strip().upper() for part in text.split(",") if part.strip()]
        if not wanted or any(part not in StressState.values for part in wanted):
            raise serializers.ValidationError(f"One of {', '.join(StressState.values)}.")
        return wanted


class CompareQuerySerializer(StrictSerializer):
    """The parameters of a comparison; `with` is a word of Python's."""

    def get_fields(self) -> dict[str, Any]:
        """Named as in the API."""
        return {"with": serializers.UUIDField(help_text="The other test.")}


class ParametersSerializer(serializers.Serializer[Any]):
    """What was asked."""

    tasks = serializers.IntegerField()
    type = serializers.ChoiceField(choices=StressType.choices)
    durationMs = serializers.FloatField()
    failureRate = serializers.FloatField()
    dependentShare = serializers.FloatField()
    shape = serializers.ChoiceField(choices=StressShape.choices)
    ratePerSecond = serializers.FloatField(allow_null=True)
    seed = serializers.IntegerField(help_text="Given, or drawn: for the same test once more.")


class StressTimesSerializer(serializers.Serializer[Any]):
    """Percentiles in milliseconds; null of no times."""

    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class EndsSerializer(serializers.Serializer[Any]):
    """How many tasks end how."""

    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class ProgressSerializer(serializers.Serializer[Any]):
    """How far it is."""

    submitted = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="At the last look.")
    running = serializers.IntegerField(help_text="At the last look.")
    peakInFlight = serializers.IntegerField(
        help_text="Most running tasks at any look; with the report, exactly."
    )
    peakBacklog = serializers.IntegerField(help_text="Most waiting tasks at any look.")
    percent = serializers.FloatField(help_text="Of the tasks that have ended.")
    elapsedSeconds = serializers.FloatField(allow_null=True)
    etaSeconds = serializers.FloatField(allow_null=True, help_text="null: nothing ends now.")
    endingPerSecond = serializers.FloatField(allow_null=True, help_text="The last ten seconds.")
    waitMs = StressTimesSerializer(help_text="Of attempts that have ended, from ready to started.")
    runMs = StressTimesSerializer(help_text="Of attempts that have ended.")
    expected = EndsSerializer(allow_null=True, help_text="null until all are submitted.")


class StressTestSerializer(serializers.Serializer[Any]):
    """A test in a list."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.ChoiceField(source="state", choices=StressState.choices)
    verdict = serializers.SerializerMethodField(help_text="null until it has ended.")
    parameters = serializers.SerializerMethodField()
    queue = serializers.SerializerMethodField()
    tag = serializers.SerializerMethodField(help_text="Of its tasks.")
    submitted = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    reason = serializers.SerializerMethodField(help_text="Why it did not run to its end.")
    createdBy = serializers.CharField(source="created_by")
    createdAt = UtcDateTimeField(source="created_at")
    begunAt = UtcDateTimeField(source="begun_at", allow_null=True)
    submittedAt = UtcDateTimeField(source="submitted_at", allow_null=True)
    finishedAt = UtcDateTimeField(source="finished_at", allow_null=True)

    @extend_schema_field(serializers.ChoiceField(choices=Verdict.choices, allow_null=True))
    def get_verdict(self, test: Any) -> str | None:
        return test.verdict or None

    @extend_schema_field(ParametersSerializer)
    def get_parameters(self, test: Any) -> dict[str, Any]:
        return parameters_of(test)

    def get_queue(self, test: Any) -> str:
        return QUEUE

    def get_tag(self, test: Any) -> str:
        return tag_of(test.id)

    def get_reason(self, test: Any) -> str | None:
        return test.stop_reason or None


class StressTestDetailSerializer(StressTestSerializer):
    """A test with its progress and its report."""

    progress = ProgressSerializer()
    environment = serializers.DictField(help_text="Versions, nodes and slots at the beginning.")
    report = serializers.DictField(
        allow_null=True, help_text="reportVersion, verdict, checks, figures, series, scaling …"
    )


class ComparedTestSerializer(serializers.Serializer[Any]):
    """One of the two."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    verdict = serializers.ChoiceField(choices=Verdict.choices)


class ComparedFigureSerializer(serializers.Serializer[Any]):
    """One figure of both."""

    name = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    other = serializers.FloatField(allow_null=True)
    ratio = serializers.FloatField(allow_null=True, help_text="value / other")
    change = serializers.ChoiceField(choices=["better", "worse", "alike", "unknown"])


class ComparisonSerializer(serializers.Serializer[Any]):
    """Two tests side by side."""

    tests = ComparedTestSerializer(many=True)
    figures = ComparedFigureSerializer(many=True)
    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="Why the figures may not be comparable."
    )


def represent_test(test: Any) -> dict[str, Any]:
    """A test with its progress and its report, as JSON."""
    view = describe_test(test)
    return {
        **StressTestSerializer(test).data,
        "progress": _progress(view),
        "environment": {k: v for k, v in test.environment.items() if k != "staleWrites"},
        "report": test.report,
    }


def _progress(view: StressView) -> dict[str, Any]:
    test = view.test
    return {
        "submitted": test.submitted,
        "completed": test.completed,
        "failed": test.failed,
        "cancelled": test.cancelled,
        "waiting": test.waiting,
        "running": test.running,
        "peakInFlight": test.peak_running,
        "peakBacklog": test.peak_waiting,
        "percent": view.percent,
        "elapsedSeconds": view.elapsed_seconds,
        "etaSeconds": view.eta_seconds,
        "endingPerSecond": view.rate_now,
        "waitMs": view.wait_ms,
        "runMs": view.run_ms,
        "expected": view.expected,
    }
