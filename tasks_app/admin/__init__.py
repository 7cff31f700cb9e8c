"""Tasks, queues and the engine's records in the admin: read-only, changed by actions."""

from tasks_app.admin.queues import IdempotencyKeyAdmin, LeaderAdmin, QueueAdmin
from tasks_app.admin.tasks import TaskAdmin

__all__ = ["IdempotencyKeyAdmin", "LeaderAdmin", "QueueAdmin", "TaskAdmin"]
