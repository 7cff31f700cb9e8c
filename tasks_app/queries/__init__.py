"""Reads of tasks and queues."""

from tasks_app.queries.counts import count_tasks
from tasks_app.queries.engine_health import EngineHealth, has_worker, read_engine_health
from tasks_app.queries.explain import explain_task
from tasks_app.queries.lists import (
    SORT_FIELDS,
    describe_tasks,
    in_bounded_time,
    list_newest_ids,
    list_tasks,
)
from tasks_app.queries.nodes import list_nodes_holding_tasks, view_node, view_slots
from tasks_app.queries.pages import TaskTotal
from tasks_app.queries.queues import (
    get_queue,
    list_queues,
    list_queues_with_ready_tasks,
    view_queues,
)
from tasks_app.queries.stats import get_task_stats
from tasks_app.queries.tasks import (
    get_dependency_results,
    get_states,
    get_task,
    get_task_detail,
    get_workflow_runs,
)

__all__ = [
    "SORT_FIELDS",
    "EngineHealth",
    "TaskTotal",
    "count_tasks",
    "describe_tasks",
    "explain_task",
    "get_dependency_results",
    "get_queue",
    "get_states",
    "get_task",
    "get_task_detail",
    "get_task_stats",
    "get_workflow_runs",
    "has_worker",
    "in_bounded_time",
    "list_newest_ids",
    "list_nodes_holding_tasks",
    "list_queues",
    "list_queues_with_ready_tasks",
    "list_tasks",
    "read_engine_health",
    "view_node",
    "view_queues",
    "view_slots",
]
