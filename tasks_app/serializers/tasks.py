# ruff: noqa: N815 - fields have their names in the API
"""A task as JSON."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from controlplane.core.clock import now
from controlplane.core.serializers import UtcDateTimeField
from tasks_app.selectors import describe_tasks
from tasks_app.states import ErrorCategory, TaskState

# A task cancelled while it waited was asked and ended in one statement.
_SAME_STATEMENT = timedelta(milliseconds=1)


class ErrorSerializer(serializers.Serializer[Any]):
    """A failure."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        fields["class"] = serializers.CharField(help_text="The exception's class.")
        return fields

    message = serializers.CharField()
    traceback = serializers.CharField(
        required=False, help_text="Left out of lists, which also cut the message."
    )
    category = serializers.ChoiceField(choices=ErrorCategory.choices)


@extend_schema_field(ErrorSerializer)
class ErrorField(serializers.JSONField):
    """A failure as it was kept."""


class _TaskListSerializer(serializers.ListSerializer[Any]):
    def to_representation(self, data: Any) -> list[Any]:
        fields = self.context.get("fields")
        return [represent_task(task, fields) for task in describe_tasks(data)]


class TaskSerializer(serializers.Serializer[Any]):
    """A task that `describe_tasks` has looked at; of many it is told here."""

    class Meta:
        list_serializer_class = _TaskListSerializer

    id = serializers.UUIDField()
    name = serializers.CharField()
    type = serializers.CharField()
    status = serializers.ChoiceField(source="state", choices=TaskState.choices)
    queue = serializers.CharField(source="queue_name")
    priority = serializers.IntegerField(min_value=-100, max_value=100)
    payload = serializers.DictField()
    result = serializers.JSONField(allow_null=True)
    error = ErrorField(allow_null=True, help_text="The last failure.")
    attempt = serializers.IntegerField(help_text="Attempts started so far.")
    maxAttempts = serializers.IntegerField(source="max_attempts")
    progress = serializers.FloatField(help_text="Percent.")
    delay = serializers.SerializerMethodField(
        help_text="Milliseconds from createdAt to runAt; null when it need not wait."
    )
    runAt = UtcDateTimeField(source="run_at", allow_null=True, help_text="Not before.")
    timeoutSeconds = serializers.SerializerMethodField()
    retry = serializers.DictField(
        allow_null=True, help_text="The task's own retry policy; null means its type's."
    )
    dependsOn = serializers.ListField(
        source="parents",
        child=serializers.UUIDField(),
        help_text="The first hundred; the task itself says how many there are.",
    )
    onParentFailure = serializers.CharField(source="on_parent_failure")
    tags = serializers.ListField(child=serializers.CharField())
    workflowRunId = serializers.UUIDField(source="workflow_run_id", allow_null=True)
    stepKey = serializers.CharField(source="step_key", allow_null=True)
    idempotencyKey = serializers.CharField(source="idempotency_key", allow_null=True)
    reprocessOf = serializers.UUIDField(
        source="reprocess_of", allow_null=True, help_text="The task whose work this one repeats."
    )
    workerNode = serializers.CharField(
        source="worker_node", allow_null=True, help_text="Runs it, or ran its last attempt."
    )
    cancelRequested = serializers.SerializerMethodField()
    createdAt = UtcDateTimeField(source="created_at")
    startedAt = UtcDateTimeField(source="started_at", allow_null=True)
    finishedAt = UtcDateTimeField(source="finished_at", allow_null=True)
    waitMs = serializers.SerializerMethodField(
        help_text="From ready (submitted, due or released) to started; of a ready task so far."
    )
    processingMs = serializers.SerializerMethodField(
        help_text="Of the last attempt; of a running task so far."
    )

    def get_delay(self, task: Any) -> int | None:
        if task.run_at is None or task.run_at <= task.created_at:
            return None
        return _ms(task.run_at - task.created_at)

    def get_timeoutSeconds(self, task: Any) -> float:  # noqa: N802 - named after its field
        return float(task.timeout_ms / 1000)

    def get_cancelRequested(self, task: Any) -> bool:  # noqa: N802 - named after its field
        return task.cancel_requested_at is not None

    def get_waitMs(self, task: Any) -> int | None:  # noqa: N802 - named after its field
        end = now() if task.state == TaskState.PENDING else task.started_at
        return _between(task.run_at or task.created_at, end)

    def get_processingMs(self, task: Any) -> int | None:  # noqa: N802 - named after its field
        if task.state == TaskState.RUNNING:
            return _between(task.started_at, now())
        asked, ended = task.cancel_requested_at, task.finished_at
        if task.state == TaskState.CANCELLED and asked and abs(ended - asked) < _SAME_STATEMENT:
            return None
        return _between(task.started_at, ended)


def represent_task(task: Any, fields: tuple[str, ...] | None = None) -> dict[str, Any]:
    """A described task as JSON, all of it or only these fields, without the cost of a new
    serializer."""
    return dict(_serializer(fields).to_representation(task))


@lru_cache(maxsize=64)
def _serializer(fields: tuple[str, ...] | None) -> TaskSerializer:
    # Making one copies its thirty fields, which takes longer than using it.
    made = TaskSerializer()
    if fields is not None:
        for name in set(made.fields) - set(fields):
            made.fields.pop(name)
    return made


def _between(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return max(0, _ms(end - start))


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
