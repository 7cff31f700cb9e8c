# ruff: noqa: N815 - fields have their names in the API
"""One task with its history and neighbours, and why it is not running."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import UtcDateTimeField
from tasks_app.selectors import TaskDetail
from tasks_app.selectors.explain import Reason
from tasks_app.serializers.tasks import ErrorField, TaskSerializer, represent_task
from tasks_app.states import AttemptOutcome, TaskState


class AttemptSerializer(serializers.Serializer[Any]):
    """One attempt."""

    attempt = serializers.IntegerField()
    workerNode = serializers.CharField(source="worker_node", allow_null=True)
    startedAt = UtcDateTimeField(source="started_at")
    finishedAt = UtcDateTimeField(source="finished_at")
    outcome = serializers.ChoiceField(choices=AttemptOutcome.choices)
    error = ErrorField(allow_null=True)
    waitMs = serializers.IntegerField(source="wait_ms")


class NeighbourSerializer(serializers.Serializer[Any]):
    """A task that this one waits for, or that waits for this one."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    type = serializers.CharField()
    status = serializers.ChoiceField(source="state", choices=TaskState.choices)
    finishedAt = UtcDateTimeField(source="finished_at", allow_null=True)


class DependencySerializer(serializers.Serializer[Any]):
    """An edge seen from its lower end."""

    task = NeighbourSerializer(source="depends_on")
    isSatisfied = serializers.BooleanField(source="is_satisfied")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        found = super().to_representation(instance)
        return {**found["task"], "isSatisfied": found["isSatisfied"]}


class DependentSerializer(DependencySerializer):
    """An edge seen from its upper end."""

    task = NeighbourSerializer()


class EdgeSerializer(NeighbourSerializer):
    """A neighbour, and whether the wait between the two is over."""

    isSatisfied = serializers.BooleanField()


class LogSerializer(serializers.Serializer[Any]):
    """One line that a handler logged."""

    attempt = serializers.IntegerField()
    at = UtcDateTimeField()
    level = serializers.CharField()
    message = serializers.CharField()
    extra = serializers.DictField(source="fields")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        found = dict(super().to_representation(instance))
        found["fields"] = found.pop("extra")
        return found


class TaskDetailSerializer(TaskSerializer):
    """A task with the newest hundred attempts and log lines and the first hundred neighbours."""

    attempts = AttemptSerializer(many=True)
    attemptsTotal = serializers.IntegerField()
    dependencies = EdgeSerializer(many=True)
    dependenciesTotal = serializers.IntegerField()
    dependents = EdgeSerializer(many=True)
    dependentsTotal = serializers.IntegerField()
    logs = LogSerializer(many=True)
    logsTotal = serializers.IntegerField()
    reprocessedAs = serializers.ListField(
        child=serializers.UUIDField(), help_text="The tasks that repeat its work."
    )

    def to_representation(self, instance: TaskDetail) -> dict[str, Any]:
        return {
            **represent_task(instance.task),
            "attempts": AttemptSerializer(instance.attempts, many=True).data,
            "attemptsTotal": instance.attempts_total,
            "dependencies": DependencySerializer(instance.dependencies, many=True).data,
            "dependenciesTotal": instance.dependencies_total,
            "dependents": DependentSerializer(instance.dependents, many=True).data,
            "dependentsTotal": instance.dependents_total,
            "logs": LogSerializer(instance.logs, many=True).data,
            "logsTotal": instance.logs_total,
            "reprocessedAs": instance.reprocessed_as,
        }


class BlockerSerializer(serializers.Serializer[Any]):
    """What stands in the way."""

    kind = serializers.ChoiceField(choices=["task", "queue", "workers", "dispatcher"])
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    status = serializers.CharField()


class ExplanationSerializer(serializers.Serializer[Any]):
    """Why a task is not running, or what it does instead of waiting."""

    reason = serializers.ChoiceField(choices=[reason.value for reason in Reason])
    detail = serializers.CharField(help_text="One sentence for people.")
    blockedBy = BlockerSerializer(source="blocked_by", many=True)
    until = UtcDateTimeField(allow_null=True, help_text="When this reason ends, if that is known.")
    position = serializers.IntegerField(
        allow_null=True, help_text="Place in the queue, from 1; 10001 means that or later."
    )
    forecastStart = UtcDateTimeField(
        source="forecast_start",
        allow_null=True,
        help_text="A guess from how fast the queue moved in the last minutes.",
    )
