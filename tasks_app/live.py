"""Live topics: tasks, one task, queues, workers."""

from typing import Any
from uuid import UUID

import orjson

from controlplane.core.formatting import shorten
from controlplane.core.schema import field_names, represent, represent_row
from controlplane.live.changes import Snapshot
from controlplane.live.topics import WATCHER, Topic, read_uuid, register, rows, take_fitting
from tasks_app import queries
from tasks_app.queries.engine_health import list_served_queues
from tasks_app.queries.queues import QueueView
from tasks_app.queues import is_served
from tasks_app.schema.nodes import Node, Slot
from tasks_app.schema.queues import Queue
from tasks_app.schema.tasks import Attempt, Edge, Log, Task, TaskDetail
from workers.queries import list_nodes, take_shown

NEWEST_SHOWN = 50
NODES_SHOWN = 200
RESULT_MAX_BYTES = 8_192
LINE_LENGTH = 1_000

# The payload does not change while a task runs; what follows the clock is counted by who looks.
_LEFT_OUT = {"payload", "result", "waitMs", "processingMs"}
_TASK_FIELDS = tuple(name for name in field_names(Task) if name not in _LEFT_OUT)
# What people say of a queue, and what never changes, is read by no page, and may be long.
_QUEUE_FIELDS = tuple(
    name
    for name in field_names(Queue)
    if name not in {"title", "description", "owner", "runbook", "createdAt"}
)
_LOG_FIELDS = ("attempt", "at", "level", "message")
_LISTS = {"attempts": Attempt, "dependencies": Edge, "dependents": Edge, "logs": Log}
_DETAIL_FIELDS = tuple(
    name for name in field_names(TaskDetail) if name not in {*_LEFT_OUT, *_TASK_FIELDS, *_LISTS}
)


def read_tasks(workspace_id: UUID, _key: str) -> Snapshot:
    """The number of tasks by state and queue, and the newest of them: a list that knows its first
    task knows how many are new."""
    names = dict(queries.list_queues(workspace_id).values_list("id", "name"))
    counts = queries.count_tasks(workspace_id)
    return {
        "total": counts.total,
        "isEstimate": counts.is_estimate,
        "states": counts.states,
        "types": counts.types,
        "queues": {
            names[queue]: dict(states)
            for queue, states in counts.by_state.items()
            if queue in names
        },
        "newest": queries.list_newest_ids(workspace_id, NEWEST_SHOWN),
    }


def read_task(workspace_id: UUID, key: str) -> Snapshot:
    """The task with its attempts, neighbours and log lines, the newest hundred of each. A large
    result is left out, and so is what may be long of attempts and log lines."""
    detail = queries.get_task_detail(workspace_id, UUID(key))
    found = represent(TaskDetail, detail, WATCHER, fields=_TASK_FIELDS + _DETAIL_FIELDS)
    result = represent(Task, detail, WATCHER, fields=("result",))["result"]
    is_small = len(orjson.dumps(result)) <= RESULT_MAX_BYTES
    found |= {"result": result if is_small else None, "resultIsLeftOut": not is_small}
    found["attempts"] = rows(
        (each.attempt, represent_row(Attempt, each, WATCHER)) for each in detail.attempts
    )
    for name in ("dependencies", "dependents"):
        found[name] = rows((e.id, represent(Edge, e, WATCHER)) for e in getattr(detail, name))
    found["logs"] = rows((line.id, _describe_line(line)) for line in detail.logs)
    return found


def _describe_line(line: Any) -> Snapshot:
    found = represent(Log, line, WATCHER, fields=_LOG_FIELDS)
    message = found["message"]
    return found | {"message": shorten(message, LINE_LENGTH) if message else message}


def read_queues(workspace_id: UUID, _key: str) -> Snapshot:
    """The queues with their waiting and running tasks, by name, and whether a live worker takes
    their tasks. Those that wait longest are there if not all fit."""
    views = queries.view_queues(list(queries.list_queues(workspace_id).select_related(None)))
    views.sort(key=lambda view: (view.queue.paused_at is not None, -(view.oldest_waiting_ms or 0)))
    served = list_served_queues()
    taken = take_fitting((view.queue.name, _describe_queue(view, served)) for view in views)
    # By wait they would move with the clock.
    return rows(sorted(taken.items()))


def _describe_queue(view: QueueView, served: set[str]) -> Snapshot:
    found = represent(Queue, view, WATCHER, fields=_QUEUE_FIELDS)
    return found | {"isServed": is_served(view.queue.name, served)}


def read_workers(workspace_id: UUID, _key: str) -> Snapshot:
    """The nodes that live or ended within the last hour, the newest first, with their slots. Those
    that live are there if not all fit. The age of a heartbeat is counted by who looks."""
    nodes = take_shown(list_nodes(), NODES_SHOWN)
    slots = queries.view_slots(workspace_id, nodes)
    taken = take_fitting(
        (str(node.id), _describe(node, slots[node.id]))
        for node in sorted(nodes, key=lambda node: node.stopped_at is not None)
    )
    return rows((node.id, taken[str(node.id)]) for node in nodes if str(node.id) in taken)


def _describe(node: Any, slots: list[Any]) -> Snapshot:
    return {
        **represent(Node, node, WATCHER),
        "slots": rows((slot.slot, represent(Slot, slot, WATCHER)) for slot in slots),
    }


register(Topic("tasks", read=read_tasks, resource="tasks"))
register(Topic("task:<id>", read=read_task, resource="tasks", read_key=read_uuid))
register(Topic("queues", read=read_queues, resource="queues"))
register(Topic("workers", read=read_workers, resource="system"))
