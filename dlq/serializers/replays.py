# ruff: noqa: N815 - fields have their names in the API
"""Replays as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import UtcDateTimeField
from dlq.queries import ReplayView
from dlq.serializers.stats import GroupErrorSerializer
from dlq.states import ReplayState
from tasks_app.states import ErrorCategory


class ReplaySerializer(serializers.Serializer[Any]):
    """A replay in a list."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(source="state", choices=ReplayState.choices)
    filter = serializers.DictField(help_text="Which letters it reprocesses.")
    payload = serializers.JSONField(allow_null=True, help_text="Instead of each letter's own.")
    maxAttempts = serializers.IntegerField(source="max_attempts", allow_null=True)
    ratePerSecond = serializers.FloatField(
        source="rate_per_second", allow_null=True, help_text="null: as fast as it goes."
    )
    stages = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Letters of each stage of the canary; all others come after them.",
    )
    maxFailureShare = serializers.FloatField(
        source="max_failure_share", help_text="0…1 of a stage; above it the replay stops."
    )
    stage = serializers.IntegerField(help_text="Where it is, from 0; len(stages) is the rest.")
    matched = serializers.IntegerField(help_text="Letters it meant when it began.")
    submitted = serializers.IntegerField(help_text="Tasks so far.")
    succeeded = serializers.IntegerField(help_text="Of those.")
    failed = serializers.IntegerField(help_text="Of those: failed, cancelled or deleted.")
    skipped = serializers.IntegerField(
        help_text="Letters that were no longer open, or whose payload no longer fits."
    )
    stopReason = serializers.SerializerMethodField()
    createdBy = serializers.CharField(source="created_by")
    createdAt = UtcDateTimeField(source="created_at")
    pausedAt = UtcDateTimeField(
        source="paused_at", allow_null=True, help_text="Since when nothing is submitted."
    )
    finishedAt = UtcDateTimeField(source="finished_at", allow_null=True)

    def get_stopReason(self, replay: Any) -> str | None:  # noqa: N802 - named after its field
        return replay.stop_reason or None


class StageSerializer(serializers.Serializer[Any]):
    """One stage that has begun."""

    stage = serializers.IntegerField(source="number", help_text="From 0.")
    size = serializers.IntegerField(allow_null=True, help_text="null: all the others.")
    submitted = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()


class FailingSerializer(serializers.Serializer[Any]):
    """Tasks of a replay that failed again, in the same way."""

    fingerprint = serializers.CharField()
    category = serializers.ChoiceField(choices=ErrorCategory.choices)
    error = GroupErrorSerializer(source="*")
    count = serializers.IntegerField()
    letterId = serializers.UUIDField(source="letter_id", help_text="The newest of their letters.")


class SkipSerializer(serializers.Serializer[Any]):
    """A letter that the replay left alone."""

    letterId = serializers.UUIDField()
    reason = serializers.CharField()


class ReplayDetailSerializer(ReplaySerializer):
    """A replay with its report."""

    progress = serializers.FloatField(
        help_text="Percent of its letters that have had their turn and ended."
    )
    stageCounts = StageSerializer(many=True)
    stillFailing = FailingSerializer(many=True, help_text="The greatest groups first.")
    skips = SkipSerializer(many=True, help_text="The first of the skipped letters.")


class ReplayStartedSerializer(serializers.Serializer[Any]):
    """A replay that the dispatcher now drives."""

    replayId = serializers.UUIDField(source="id")
    matched = serializers.IntegerField()


def represent_replay(view: ReplayView) -> dict[str, Any]:
    """A described replay as JSON."""
    return {
        **ReplaySerializer(view.replay).data,
        "progress": view.progress,
        "stageCounts": StageSerializer(view.stages, many=True).data,
        "stillFailing": FailingSerializer(view.failing, many=True).data,
        "skips": list(view.replay.skips),
    }
