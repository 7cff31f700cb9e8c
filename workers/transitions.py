"""The only writer of a node's state. Guarded writes, whose row count shows who won."""

from datetime import datetime
from typing import Any

from django.db.models import Case, F, Q, Value, When

from controlplane.core.clock import now
from workers.counters import Counters
from workers.models import Node
from workers.states import LIVE, NodeState

_LIVE = [state.value for state in LIVE]


def activate(node_id: int) -> bool:
    """STARTING → ACTIVE."""
    return _move(node_id, [NodeState.STARTING.value], NodeState.ACTIVE)


def begin_drain(node_id: int) -> bool:
    """STARTING, ACTIVE → DRAINING."""
    before = [NodeState.STARTING.value, NodeState.ACTIVE.value]
    return _move(node_id, before, NodeState.DRAINING, drain_requested_at=now())


def stop(node_id: int, counters: Counters | None = None, *, reason: str = "") -> bool:
    """STARTING, ACTIVE, DRAINING → STOPPED, with its last counts where they are known."""
    return _end(node_id, NodeState.STOPPED, reason, **(_counts(counters) if counters else {}))


def lose(node_id: int, *, heartbeat: int, reason: str = "") -> bool:
    """STARTING, ACTIVE, DRAINING → LOST, unless the heartbeat moved on since it was read."""
    return _end(node_id, NodeState.LOST, reason, Q(heartbeat=heartbeat))


def lose_worker(node_id: int, counters: Counters, *, reason: str) -> bool:
    """STARTING, ACTIVE, DRAINING → LOST, by the node's own agent, which outlived its worker."""
    return _end(node_id, NodeState.LOST, reason, **_counts(counters))


def beat(node_id: int, counters: Counters) -> NodeState | None:
    """Advance the heartbeat. Returns the node's state, or None if its row has ended."""
    live = Node.objects.filter(id=node_id, state__in=_LIVE)
    if not live.update(heartbeat=F("heartbeat") + 1, heartbeat_at=now(), **_counts(counters)):
        return None
    return NodeState(Node.objects.values_list("state", flat=True).get(id=node_id))


def _end(
    node_id: int, after: NodeState, reason: str, condition: Q | None = None, **fields: Any
) -> bool:
    live = Node.objects.filter(condition or Q(), id=node_id, state__in=_LIVE)
    # What a back-end has seen of the process is more exact than what others conclude.
    kept = Case(When(end_reason="", then=Value(reason[:300])), default=F("end_reason"))
    return bool(live.update(state=after, stopped_at=now(), end_reason=kept, **fields))


def _move(node_id: int, before: list[str], after: NodeState, **fields: datetime) -> bool:
    return bool(Node.objects.filter(id=node_id, state__in=before).update(state=after, **fields))


def _counts(counters: Counters) -> dict[str, Any]:
    return {
        "running": counters.running,
        "processed": counters.processed,
        "failed": counters.failed,
        "slots": counters.slots,
    }
