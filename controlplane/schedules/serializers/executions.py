# ruff: noqa: N815 - fields have their names in the API
"""Firings as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from controlplane.schedules.states import FiringKind, FiringState, SkipReason


class WordsField(serializers.CharField):
    """Some of a list of words, by comma."""

    def __init__(self, *, words: list[str], **options: Any) -> None:
        super().__init__(**options)
        self._words = words

    def to_internal_value(self, data: Any) -> Any:
        found = [word for word in super().to_internal_value(data).split(",") if word]
        if not set(found) <= set(self._words):
            raise serializers.ValidationError(f"Some of {', '.join(self._words)}, by comma.")
        return found


class ExecutionFilterSerializer(StrictSerializer):
    """Which executions."""

    status = WordsField(words=FiringState.values, required=False, default=())
    kind = WordsField(words=FiringKind.values, required=False, default=())


class SkipReasonField(serializers.ChoiceField):
    """Why a firing was skipped; null for one that was not."""

    def to_representation(self, value: Any) -> Any:
        return value or None


class ExecutionSerializer(serializers.Serializer[Any]):
    """What was decided about one nominal time, or about `times` of them, and what came of it."""

    id = serializers.UUIDField()
    scheduledFor = UtcDateTimeField(
        source="scheduled_for",
        help_text="The nominal time; when it was triggered, of a manual one.",
    )
    until = UtcDateTimeField(
        allow_null=True, help_text="The last of the nominal times when there are several."
    )
    times = serializers.IntegerField(help_text="Of how many nominal times this is the decision.")
    kind = serializers.ChoiceField(choices=FiringKind.choices)
    status = serializers.ChoiceField(source="state", choices=FiringState.choices)
    skipReason = SkipReasonField(source="skip_reason", choices=SkipReason.choices, allow_null=True)
    detail = serializers.CharField(help_text="The decision in a sentence.")
    taskId = serializers.UUIDField(source="task_id", allow_null=True)
    runId = serializers.UUIDField(source="run_id", allow_null=True, help_text="Of a workflow.")
    result = serializers.JSONField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    lateMs = serializers.IntegerField(
        source="late_ms", allow_null=True, help_text="From the nominal time to the decision."
    )
    durationMs = serializers.SerializerMethodField(help_text="From startedAt to finishedAt.")
    triggeredBy = serializers.SerializerMethodField(help_text="Who, of a manual one.")
    createdAt = UtcDateTimeField(source="decided_at", help_text="When it was decided.")
    startedAt = UtcDateTimeField(source="started_at", allow_null=True)
    finishedAt = UtcDateTimeField(source="finished_at", allow_null=True)

    def get_durationMs(self, firing: Any) -> int | None:  # noqa: N802 - named after its field
        if firing.started_at is None or firing.finished_at is None:
            return None
        seconds = (firing.finished_at - firing.started_at).total_seconds()
        return max(0, int(seconds * 1_000 + 0.5))

    def get_triggeredBy(self, firing: Any) -> str | None:  # noqa: N802 - named after its field
        return firing.triggered_by or None
