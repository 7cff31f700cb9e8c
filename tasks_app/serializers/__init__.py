"""JSON of tasks and queues, in and out."""

from tasks_app.serializers.actions import ActionRequestSerializer, ActionResultSerializer
from tasks_app.serializers.details import ExplanationSerializer, TaskDetailSerializer
from tasks_app.serializers.parsing import parse_bulk, parse_task
from tasks_app.serializers.queues import (
    QueueChangeSerializer,
    QueueDetailSerializer,
    QueueSerializer,
    TaskTypeSerializer,
)
from tasks_app.serializers.requests import (
    BulkRequestSerializer,
    BulkResultSerializer,
    TaskChangeSerializer,
    TaskRequestSerializer,
)
from tasks_app.serializers.stats import TaskStatsSerializer
from tasks_app.serializers.tasks import TaskSerializer, represent_task

__all__ = [
    "ActionRequestSerializer",
    "ActionResultSerializer",
    "BulkRequestSerializer",
    "BulkResultSerializer",
    "ExplanationSerializer",
    "QueueChangeSerializer",
    "QueueDetailSerializer",
    "QueueSerializer",
    "TaskChangeSerializer",
    "TaskDetailSerializer",
    "TaskRequestSerializer",
    "TaskSerializer",
    "TaskStatsSerializer",
    "TaskTypeSerializer",
    "parse_bulk",
    "parse_task",
    "represent_task",
]
