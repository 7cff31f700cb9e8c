"""The tasks of nodes, and what a workspace may see of the nodes, which serve all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tasks_app.models import Task
from tasks_app.states import TaskState
from workers.models import Node
from workers.queries import get_node, list_samples

NEWEST_SAMPLES = 60


def list_nodes_holding_tasks() -> list[int]:
    """The ids of nodes that hold leases."""
    held = Task.objects.filter(state=TaskState.RUNNING)
    return [node for node in held.values_list("node_id", flat=True).distinct() if node]


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot as a workspace sees it: a task of another workspace shows only that it exists."""

    slot: int
    running: int
    task_id: UUID | None
    type: str | None
    started_at: datetime | None


class NodeView:
    """A node with the tasks that its slots run for this workspace, and its newest samples."""

    def __init__(self, workspace_id: UUID, node_id: int) -> None:
        self._node = get_node(node_id)
        self.slot_views = view_slots(workspace_id, [self._node])[node_id]
        self.newest_samples = list(list_samples(node_id)[:NEWEST_SAMPLES])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


def view_node(workspace_id: UUID, node_id: int) -> NodeView:
    """One node. Raises NotFound."""
    return NodeView(workspace_id, node_id)


def view_slots(workspace_id: UUID, nodes: Sequence[Node]) -> dict[int, list[SlotView]]:
    """The slots of these nodes, by node, in one query."""
    ids = [UUID(slot["taskId"]) for node in nodes for slot in node.slots if slot["taskId"]]
    own = dict(Task.objects.filter(workspace_id=workspace_id, id__in=ids).values_list("id", "type"))
    return {node.id: [_view_slot(slot, own) for slot in node.slots] for node in nodes}


def _view_slot(slot: dict[str, Any], own: dict[UUID, str]) -> SlotView:
    task_id = UUID(slot["taskId"]) if slot["taskId"] else None
    started = slot["startedAt"]
    return SlotView(
        slot=slot["slot"],
        running=slot["running"],
        task_id=task_id if task_id in own else None,
        type=own.get(task_id) if task_id else None,
        started_at=datetime.fromisoformat(started) if started else None,
    )
