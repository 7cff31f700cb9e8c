"""The HTTP API of tasks, queues, task types and nodes."""

from tasks_app.views.export import TaskExport
from tasks_app.views.nodes import Nodes
from tasks_app.views.performance import System
from tasks_app.views.queues import Queues, TaskTypes
from tasks_app.views.tasks import Tasks

__all__ = ["Nodes", "Queues", "System", "TaskExport", "TaskTypes", "Tasks"]
