# ruff: noqa: N815 - fields have their names in the API
"""Schedules as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import StrictSerializer, UtcDateTimeField
from controlplane.schedules.queries import describe, get_newest_firings, get_success_rates
from controlplane.schedules.serializers.executions import ExecutionSerializer
from controlplane.schedules.states import Overlap, Source


class JobFilterSerializer(StrictSerializer):
    """Which jobs."""

    search = serializers.CharField(required=False, default="", max_length=200)
    enabled = serializers.BooleanField(required=False, default=None, allow_null=True)
    source = serializers.ChoiceField(  # type: ignore[assignment] # its name in the API
        choices=Source.choices, required=False, default=""
    )


class _JobListSerializer(serializers.ListSerializer[Any]):
    def to_representation(self, data: Any) -> list[Any]:
        return super().to_representation(look_at(list(data)))


class JobSerializer(serializers.Serializer[Any]):
    """A schedule with its times and what came of it last."""

    class Meta:
        list_serializer_class = _JobListSerializer

    id = serializers.UUIDField(source="schedule.id")
    name = serializers.CharField(source="schedule.name")
    schedule = serializers.CharField(source="view.text")
    timezone = serializers.CharField(source="view.timezone")
    words = serializers.CharField(source="view.words", help_text="The schedule for people.")
    problem = serializers.SerializerMethodField(
        help_text="Why it never fires as it stands; null when it does."
    )
    note = serializers.SerializerMethodField(
        help_text="Why the system paused it, and parts of the schedule that have no effect."
    )
    taskType = serializers.SerializerMethodField()
    workflowId = serializers.UUIDField(source="schedule.workflow_id", allow_null=True)
    celeryTask = serializers.SerializerMethodField(
        help_text="Of a periodic task of django-celery-beat: the Celery task that it sends."
    )
    payload = serializers.JSONField(source="schedule.payload")
    enabled = serializers.BooleanField(source="view.enabled")
    overlap = serializers.ChoiceField(source="schedule.overlap", choices=Overlap.choices)
    catchUp = serializers.BooleanField(source="schedule.catch_up")
    catchUpMax = serializers.IntegerField(source="schedule.catch_up_max")
    jitterMs = serializers.IntegerField(source="schedule.jitter_ms")
    startAt = UtcDateTimeField(source="view.start_at", allow_null=True)
    endAt = UtcDateTimeField(source="view.end_at", allow_null=True)
    queue = serializers.SerializerMethodField(help_text="null: that of the type.")
    priority = serializers.IntegerField(source="schedule.priority")
    maxAttempts = serializers.IntegerField(source="schedule.max_attempts", allow_null=True)
    nextAt = UtcDateTimeField(
        source="schedule.next_at", allow_null=True, help_text="null: never, or paused."
    )
    pausedAt = UtcDateTimeField(source="schedule.paused_at", allow_null=True)
    lastExecution = ExecutionSerializer(source="last", allow_null=True)
    successRate = serializers.FloatField(
        source="success_rate",
        allow_null=True,
        help_text="From 0 to 1, of the newest hundred that completed or failed.",
    )
    source = serializers.ChoiceField(  # type: ignore[assignment] # its name in the API
        source="schedule.source", choices=Source.choices
    )
    createdAt = UtcDateTimeField(source="schedule.created_at")
    updatedAt = UtcDateTimeField(source="schedule.updated_at")
    createdBy = serializers.CharField(source="schedule.created_by")

    def get_problem(self, job: Any) -> str | None:
        return job["view"].problem or None

    def get_note(self, job: Any) -> str | None:
        return job["view"].note or None

    def get_taskType(self, job: Any) -> str | None:  # noqa: N802 - named after its field
        return job["schedule"].task_type or None

    def get_queue(self, job: Any) -> str | None:
        return job["schedule"].queue or None

    def get_celeryTask(self, job: Any) -> str | None:  # noqa: N802 - named after its field
        schedule = job["schedule"]
        if schedule.task_type or schedule.workflow_id:
            return None
        return schedule.periodic_task.task or None


def look_at(schedules: list[Any]) -> list[dict[str, Any]]:
    """Schedules with what the serializer shows of them, in a fixed number of queries."""
    ids = [schedule.id for schedule in schedules]
    rates, newest = get_success_rates(ids), get_newest_firings(ids)
    return [
        {
            "schedule": schedule,
            "view": describe(schedule),
            "last": newest.get(schedule.id),
            "success_rate": rates.get(schedule.id),
        }
        for schedule in schedules
    ]


def represent_job(schedule: Any) -> dict[str, Any]:
    """One schedule as JSON."""
    return dict(JobSerializer(look_at([schedule])[0]).data)
