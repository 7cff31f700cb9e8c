"""Tasks with their history, and the sources of statistics."""

from tasks_app.models.conditions import (
    BY_PERSON,
    DURATION,
    ERROR_CLASS,
    ERROR_CLASS_LENGTH,
    HAS_DURATION,
    INDEXED_DURATION,
    LONG,
    SHORT,
)
from tasks_app.models.declarations import DeclaredSet, QueueDescriptor, TypeDeclaration
from tasks_app.models.figures import (
    MinuteSample,
    QueueSample,
    Rollup,
    RollupMark,
    TaskCount,
    TaskCountChange,
)
from tasks_app.models.records import TaskAttempt, TaskDependency, TaskLog, TaskTag
from tasks_app.models.tasks import IdempotencyKey, Leader, Queue, Task

__all__ = [
    "BY_PERSON",
    "DURATION",
    "ERROR_CLASS",
    "ERROR_CLASS_LENGTH",
    "HAS_DURATION",
    "INDEXED_DURATION",
    "LONG",
    "SHORT",
    "DeclaredSet",
    "IdempotencyKey",
    "Leader",
    "MinuteSample",
    "Queue",
    "QueueDescriptor",
    "QueueSample",
    "Rollup",
    "RollupMark",
    "Task",
    "TaskAttempt",
    "TaskCount",
    "TaskCountChange",
    "TaskDependency",
    "TaskLog",
    "TaskTag",
    "TypeDeclaration",
]
