"""Tasks with their history, and the sources of statistics."""

from tasks_app.models.figures import Rollup, RollupMark, TaskCount, TaskCountChange
from tasks_app.models.tasks import (
    DURATION,
    ERROR_CLASS,
    ERROR_CLASS_LENGTH,
    HAS_DURATION,
    INDEXED_DURATION,
    LONG,
    SHORT,
    IdempotencyKey,
    Leader,
    Queue,
    Task,
    TaskAttempt,
    TaskDependency,
    TaskLog,
    TaskTag,
)

__all__ = [
    "DURATION",
    "ERROR_CLASS",
    "ERROR_CLASS_LENGTH",
    "HAS_DURATION",
    "INDEXED_DURATION",
    "LONG",
    "SHORT",
    "IdempotencyKey",
    "Leader",
    "Queue",
    "Rollup",
    "RollupMark",
    "Task",
    "TaskAttempt",
    "TaskCount",
    "TaskCountChange",
    "TaskDependency",
    "TaskLog",
    "TaskTag",
]
