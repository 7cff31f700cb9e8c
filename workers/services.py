"""What happens to nodes: they register, beat, stop, and are found lost."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from controlplane import __version__
from workers import transitions
from workers.models import Node
from workers.selectors import list_heartbeats
from workers.signals import node_lost, node_stopped
from workers.states import NodeState


def register_node(
    *,
    name: str,
    host: str,
    pid: int,
    queues: list[str],
    concurrency: int,
    health_port: int | None,
    incarnation: UUID,
) -> int:
    """Make the row of a new incarnation, STARTING; its id."""
    node = Node.objects.create(
        name=name,
        host=host,
        pid=pid,
        version=__version__,
        queues=queues,
        concurrency=concurrency,
        health_port=health_port,
        incarnation=incarnation,
    )
    return int(node.id)


def activate_node(node_id: int) -> bool:
    """The node consumes bells: it may claim."""
    return transitions.activate(node_id)


def drain_node(node_id: int) -> bool:
    """The node shall finish what runs and take nothing new; False when it cannot."""
    return transitions.begin_drain(node_id)


def beat_node(node_id: int) -> NodeState | None:
    """Move the node's heartbeat on; its state, or None when it was declared lost."""
    return transitions.beat(node_id)


def stop_node(node_id: int) -> None:
    """The node ends: what it still holds is handed back in the same transaction."""
    with transaction.atomic():
        transitions.stop(node_id)
        node_stopped.send(sender=Node, node_id=node_id)


def prune_nodes(*, before: datetime, limit: int = 1_000) -> int:
    """Remove nodes that ended before; how many. Nothing that is kept may still name them."""
    ended = Node.objects.filter(stopped_at__lt=before).order_by("id").values("id")
    deleted, _ = Node.objects.filter(id__in=ended[:limit]).delete()
    return deleted


def count_stale_writes(node_id: int, count: int, *, using: str = "default") -> None:
    """Note that writes of this node were refused, since it no longer held the leases."""
    Node.objects.using(using).filter(id=node_id).update(stale_writes=F("stale_writes") + count)


@dataclass
class LossDetector:
    """Finds nodes whose heartbeat stands still, by this process's own monotonic clock.

    A node is lost when its counter was seen unchanged for a whole lease period. Every seen change,
    a fresh detector, and a gap in seeing (the database was away, this process was frozen) start
    the period anew, so that neither an outage nor a clock step reaps living work.
    """

    _seen: dict[int, tuple[int, float]] = field(default_factory=dict)
    _last_look: float = 0.0

    def look(self) -> list[int]:
        """Read the heartbeats; declare lost what stood still; their ids."""
        lease_seconds: float = settings.TASKPLANE["LEASE_SECONDS"]
        beats = list_heartbeats()
        now = time.monotonic()
        if now - self._last_look > lease_seconds / 2:
            self._seen.clear()
        self._last_look = now
        self._seen = {
            node: seen
            if (seen := self._seen.get(node)) is not None and seen[0] == beat
            else (beat, now)
            for node, beat in beats.items()
        }
        still = [node for node, (_, since) in self._seen.items() if now - since >= lease_seconds]
        return [node for node in still if self._lose(node, self._seen[node][0])]

    def _lose(self, node_id: int, heartbeat: int) -> bool:
        with transaction.atomic():
            if not transitions.lose(node_id, heartbeat=heartbeat):
                return False
            node_lost.send(sender=Node, node_id=node_id)
        return True
