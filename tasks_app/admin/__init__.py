"""Tasks and queues in the admin: looked at; what changes something is an action or a service."""

from tasks_app.admin.queues import QueueAdmin
from tasks_app.admin.records import IdempotencyKeyAdmin, LeaderAdmin
from tasks_app.admin.tasks import TaskAdmin

__all__ = ["IdempotencyKeyAdmin", "LeaderAdmin", "QueueAdmin", "TaskAdmin"]
