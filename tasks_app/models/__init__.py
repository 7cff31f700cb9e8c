"""Tasks, what belongs to them, and what figures are read from."""

from tasks_app.models.figures import Rollup, RollupMark, TaskCount, TaskCountChange
from tasks_app.models.tasks import (
    DURATION,
    ERROR_CLASS,
    ERROR_CLASS_LENGTH,
    LONG,
    SHORT,
    IdempotencyKey,
    Leader,
    Queue,
    Task,
    TaskAttempt,
    TaskDependency,
    TaskLog,
)

__all__ = [
    "DURATION",
    "ERROR_CLASS",
    "ERROR_CLASS_LENGTH",
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
]
