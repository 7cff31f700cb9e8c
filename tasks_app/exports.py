"""Tasks, queues, nodes and task types as files."""

from typing import Any

from controlplane.workspaces.exporting import ExportedList, register
from tasks_app import queries
from tasks_app.bulk_verbs import QueueFilter, narrow_queues
from tasks_app.filters import InternalFilter, TaskFilter, filter_of_query, filter_to_body
from tasks_app.queries.declarations import list_types
from tasks_app.schema.nodes import Node, NodeFilter
from tasks_app.schema.queues import Queue
from tasks_app.schema.tasks import Task
from tasks_app.schema.types import TaskType
from workers.queries import list_nodes


def _parameters() -> list[Any]:
    # What only the app needs is not imported by the command.
    from tasks_app.api.examples import PAYLOAD_PARAMETER

    return [PAYLOAD_PARAMETER]


TASKS = ExportedList(
    name="tasks",
    noun="task",
    path="tasks/export",
    tag="tasks",
    resource="tasks",
    schema=Task,
    filter=TaskFilter,
    parameters=_parameters,
    read=lambda params, ignore: filter_of_query(params, ignore=ignore),
    write=filter_to_body,
    rows=lambda selected: queries.list_tasks(
        selected.workspace_id, selected.wanted.asked_by(selected.actor.as_submitter)
    ),
    describe=queries.describe_tasks,
    sized=("payload", "result"),
)
QUEUES = ExportedList(
    name="queues",
    noun="queue",
    # A queue may be called export, but not -.
    path="queues/-/export",
    tag="queues",
    resource="queues",
    schema=Queue,
    filter=QueueFilter,
    rows=lambda selected: narrow_queues(selected.workspace_id, selected.wanted),
    describe=queries.view_queues,
    key="id",
)
NODES = ExportedList(
    name="nodes",
    noun="node",
    path="system/nodes/export",
    tag="nodes",
    resource="system",
    schema=Node,
    filter=NodeFilter,
    rows=lambda selected: list_nodes(selected.wanted.statuses, name=selected.wanted.name),
    is_of_workspace=False,
)
TYPES = ExportedList(
    name="task-types",
    noun="task type",
    # A type may be called export, but not -.
    path="task-types/-/export",
    tag="task types",
    resource="task-types",
    schema=TaskType,
    filter=InternalFilter,
    rows=lambda selected: list_types(with_internal=selected.wanted.is_internal),
    is_of_workspace=False,
)

register(TASKS, QUEUES, NODES, TYPES)
