"""The HTTP API of tasks, queues and task types."""

from tasks_app.views.collections import (
    TaskActionsView,
    TaskBulkView,
    TaskStatsView,
    TasksView,
)
from tasks_app.views.export import TaskExportView
from tasks_app.views.nodes import NodeDrainView, NodeSamplesView, NodesView, NodeView
from tasks_app.views.performance import PerformanceView, QueueHealthView
from tasks_app.views.queues import QueuesView, QueueView, TaskTypesView
from tasks_app.views.tasks import TaskExplainView, TaskRetryView, TaskRunNowView, TaskView

__all__ = [
    "NodeDrainView",
    "NodeSamplesView",
    "NodeView",
    "NodesView",
    "PerformanceView",
    "QueueHealthView",
    "QueueView",
    "QueuesView",
    "TaskActionsView",
    "TaskBulkView",
    "TaskExplainView",
    "TaskExportView",
    "TaskRetryView",
    "TaskRunNowView",
    "TaskStatsView",
    "TaskTypesView",
    "TaskView",
    "TasksView",
]
