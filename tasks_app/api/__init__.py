"""The HTTP API of tasks, queues, task types and nodes."""

from tasks_app.api.nodes import Nodes
from tasks_app.api.performance import System
from tasks_app.api.queues import Queues
from tasks_app.api.tasks import Tasks
from tasks_app.api.types import TaskTypes

__all__ = ["Nodes", "Queues", "System", "TaskTypes", "Tasks"]
