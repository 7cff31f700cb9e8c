"""The only writer of a node's state. Guarded writes; the row count says who won."""

from django.db.models import F

from controlplane.core.clock import now
from workers.models import Node
from workers.states import LIVE, NodeState

_LIVE = [state.value for state in LIVE]


def activate(node_id: int) -> bool:
    """STARTING → ACTIVE."""
    return _move(node_id, [NodeState.STARTING.value], NodeState.ACTIVE)


def begin_drain(node_id: int) -> bool:
    """STARTING, ACTIVE → DRAINING."""
    return _move(node_id, [NodeState.STARTING.value, NodeState.ACTIVE.value], NodeState.DRAINING)


def stop(node_id: int) -> bool:
    """STARTING, ACTIVE, DRAINING → STOPPED."""
    return _end(node_id, NodeState.STOPPED)


def lose(node_id: int, *, heartbeat: int) -> bool:
    """STARTING, ACTIVE, DRAINING → LOST, unless the heartbeat moved on since it was read."""
    return _end(node_id, NodeState.LOST, heartbeat=heartbeat)


def beat(node_id: int) -> NodeState | None:
    """Move the heartbeat on; the node's state, or None when its row has ended."""
    live = Node.objects.filter(id=node_id, state__in=_LIVE)
    if not live.update(heartbeat=F("heartbeat") + 1, heartbeat_at=now()):
        return None
    return NodeState(Node.objects.values_list("state", flat=True).get(id=node_id))


def _move(node_id: int, before: list[str], after: NodeState) -> bool:
    return bool(Node.objects.filter(id=node_id, state__in=before).update(state=after))


def _end(node_id: int, after: NodeState, **guard: int) -> bool:
    live = Node.objects.filter(id=node_id, state__in=_LIVE, **guard)
    return bool(live.update(state=after, stopped_at=now()))
