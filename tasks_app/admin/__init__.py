"""The pages of tasks, queues and nodes, and the engine's records: changed by actions only."""

from tasks_app.admin.nodes import NodeAdmin
from tasks_app.admin.queues import QueueAdmin
from tasks_app.admin.records import IdempotencyKeyAdmin, LeaderAdmin
from tasks_app.admin.tasks import TaskAdmin
from tasks_app.admin.types import TypeAdmin
from tasks_app.admin.workspaces import WorkspaceFigures

__all__ = [
    "IdempotencyKeyAdmin",
    "LeaderAdmin",
    "NodeAdmin",
    "QueueAdmin",
    "TaskAdmin",
    "TypeAdmin",
    "WorkspaceFigures",
]
