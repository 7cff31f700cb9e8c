"""Processors: the plug-ins that do the work. A handler's module imports from here."""

from tasks_app.processors.categories import DependencyFailed, category_rule
from tasks_app.processors.context import Context
from tasks_app.processors.outcomes import Fail, RetryLater, Snooze, TaskCancelled, TaskTimedOut
from tasks_app.processors.registry import Processor, UnknownType, processor
from tasks_app.processors.retry import RetryPolicy

__all__ = [
    "Context",
    "DependencyFailed",
    "Fail",
    "Processor",
    "RetryLater",
    "RetryPolicy",
    "Snooze",
    "TaskCancelled",
    "TaskTimedOut",
    "UnknownType",
    "category_rule",
    "processor",
]
