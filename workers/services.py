"""Nodes register, send heartbeats, stop, and are declared lost."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef

from controlplane import __version__
from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.core.sql import load_sql
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from workers import transitions
from workers.counters import NO_COUNTERS, Counters
from workers.measures import Usage
from workers.models import Node, NodeSample
from workers.naming import name_node
from workers.queries import get_node, list_heartbeats
from workers.signals import node_lost, node_registered, node_stopped
from workers.states import LIVE, NodeState

# How a trend stays small: samples older than the age are thinned to one per interval. With a sample
# each 30 s a node has 2,880 + 4,176 + 8,040 rows after a year instead of 1,051,200.
THINNING = ((timedelta(hours=24), 600), (timedelta(days=30), 3_600))
_CLOCK_SKEW = timedelta(seconds=30)
SAMPLES_KEPT = timedelta(days=365)


def register_node(
    *,
    worker: str,
    host: str,
    pid: int,
    queues: list[str],
    concurrency: int,
    health_port: int | None,
    incarnation: UUID,
    replaces: int | None = None,
) -> int:
    """Make the row of a new incarnation, STARTING; its id. Its name is made of the worker's.

    `replaces` is the incarnation before, when that was declared lost and its worker lives on. If
    that was draining, so is this one: an operator's request outlives the loss.
    """
    before = Node.objects.filter(id=replaces).first() if replaces else None
    node = Node(
        name=worker,
        host=host,
        pid=pid,
        version=__version__,
        release=settings.TASKPLANE["RELEASE"],
        queues=queues,
        concurrency=concurrency,
        health_port=health_port,
        incarnation=incarnation,
        replaces=replaces,
    )
    with transaction.atomic():
        node.save(force_insert=True)
        node.name = name_node(worker, node.id)
        node.save(update_fields=["name"])
        node_registered.send(sender=Node, node_id=node.id)
    if before is not None and before.drain_requested_at is not None:
        transitions.begin_drain(node.id)
    return int(node.id)


def note_declared(node_id: int, digest: str) -> None:
    """Record which processors the node declares."""
    Node.objects.filter(id=node_id).update(declares=digest)


def activate_node(node_id: int) -> bool:
    """The node consumes wake-ups: it may claim."""
    return transitions.activate(node_id)


@transaction.atomic
def drain_node(node_id: int, *, workspace_id: UUID, actor: Actor, reason: str = "") -> Node:
    """Drain the node: it finishes its running tasks, and then ends. From the commit on it claims
    nothing. Draining it again changes nothing. Nodes serve all workspaces; `workspace_id` is the
    workspace whose audit log records it.

    Raises:
        NotFound: there is no such node.
        Conflict: it has ended.
    """
    if transitions.begin_drain(node_id):
        detail = {"name": get_node(node_id).name} | ({"reason": reason} if reason else {})
        record_audit(workspace_id, actor, "node.drain", "node", node_id, detail)
    node = get_node(node_id)
    if node.state not in LIVE:
        raise Conflict(f"Node {node_id} has ended: it is {node.state}.")
    return node


def retire_node(node_id: int) -> bool:
    """As drain_node, by the system itself, which has its own record. Returns whether the node was
    not draining before."""
    return transitions.begin_drain(node_id)


def beat_node(node_id: int, counters: Counters = NO_COUNTERS) -> NodeState | None:
    """Advance the node's heartbeat. Returns its state, or None if it was declared lost."""
    return transitions.beat(node_id, counters)


def stop_node(node_id: int, counters: Counters | None = None, *, reason: str = "") -> None:
    """End the node: its remaining rows are handed back in the same transaction."""
    with transaction.atomic():
        transitions.stop(node_id, counters, reason=reason)
        node_stopped.send(sender=Node, node_id=node_id)


def lose_worker(node_id: int, counters: Counters, *, reason: str) -> None:
    """The worker of this node was killed and its agent has settled every slot: LOST, but what the
    node still holds was never started, and is handed back as by `stop_node`."""
    with transaction.atomic():
        transitions.lose_worker(node_id, counters, reason=reason)
        node_stopped.send(sender=Node, node_id=node_id)


def note_end(host: str, pid: int | None, *, since: datetime | None, reason: str) -> bool:
    """Record how a worker's process ended, as its parent has seen it; False if no node was
    registered on this host, by this process if it is given, from then on. A node that has stopped
    in order keeps its own reason."""
    nodes = Node.objects.filter(host=host)
    if pid is not None:
        nodes = nodes.filter(pid=pid)
    if since is not None:
        nodes = nodes.filter(started_at__gte=since - _CLOCK_SKEW)
    newest = nodes.order_by("-id").exclude(state=NodeState.STOPPED).values("id")[:1]
    return bool(Node.objects.filter(id__in=newest).update(end_reason=reason[:300]))


def prune_nodes(*, before: datetime, limit: int = 1_000) -> int:
    """Remove nodes that ended before. Returns their number. Nodes that are still referenced are
    kept: those with samples stay as long as the samples."""
    sampled = NodeSample.objects.filter(node_id=OuterRef("id"))
    ended = Node.objects.filter(~Exists(sampled), stopped_at__lt=before).order_by("id").values("id")
    deleted, _ = Node.objects.filter(id__in=ended[:limit]).delete()
    return deleted


def record_sample(node_id: int, counters: Counters, usage: Usage) -> bool:
    """Store the node's work and resource use; False if its row has been removed."""
    with transaction.atomic():
        cost = {"cpu_percent": usage.cpu_percent, "memory_bytes": usage.memory_bytes}
        # Before the sample: it also locks the row, so that no clean-up removes it.
        if not Node.objects.filter(id=node_id).update(**cost):
            return False
        NodeSample.objects.create(
            node_id=node_id,
            at=now(),
            running=counters.running,
            processed=counters.processed,
            failed=counters.failed,
            **cost,
        )
    return True


def prune_samples(*, limit: int = 1_000) -> int:
    """Thin one batch of each age, at most `limit` samples of each. Returns how many were
    removed."""
    at = now()
    removed, finer = 0, 0
    with transaction.atomic(), connection.cursor() as cursor:
        for age, grain in THINNING:
            cursor.execute(
                load_sql("workers", "thin_samples"),
                {"finer": finer, "grain": grain, "before": at - age, "limit": limit},
            )
            removed += cursor.rowcount
            finer = grain
        old = NodeSample.objects.filter(grain_seconds=finer, at__lt=at - SAMPLES_KEPT)
        deleted, _ = NodeSample.objects.filter(
            id__in=old.order_by("at").values("id")[:limit]
        ).delete()
    return removed + deleted


def count_stale_writes(node_id: int, count: int, *, using: str = "default") -> None:
    """Note that writes of this node were refused, since it no longer held the leases."""
    Node.objects.using(using).filter(id=node_id).update(stale_writes=F("stale_writes") + count)


def count_rescued(node_id: int, count: int) -> None:
    """Note that `count` tasks were taken back from this node, which has ended."""
    Node.objects.filter(id=node_id).update(rescued=F("rescued") + count)


@dataclass
class LossDetector:
    """Finds nodes whose heartbeat has stopped, by this process's own monotonic clock.

    A node is lost when its counter was seen unchanged for a whole lease period. Every seen change,
    a fresh detector, and a gap in seeing (the database was away, this process was frozen) start
    the period again, so that neither an outage nor a clock step reaps living work.
    """

    _seen: dict[int, tuple[int, float]] = field(default_factory=dict)
    _last_check: float = 0.0

    def check(self) -> list[int]:
        """Read the heartbeats and declare nodes without progress lost. Returns their ids."""
        lease_seconds: float = settings.TASKPLANE["LEASE_SECONDS"]
        beats = list_heartbeats()
        moment = time.monotonic()
        if moment - self._last_check > lease_seconds / 2:
            self._seen.clear()
        self._last_check = moment
        self._seen = {
            node: seen
            if (seen := self._seen.get(node)) is not None and seen[0] == beat
            else (beat, moment)
            for node, beat in beats.items()
        }
        still = [node for node, (_, since) in self._seen.items() if moment - since >= lease_seconds]
        return [node for node in still if self._lose(node, self._seen[node][0])]

    def _lose(self, node_id: int, heartbeat: int) -> bool:
        with transaction.atomic():
            reason = (
                f"No heartbeat for {settings.TASKPLANE['LEASE_SECONDS']:g} s: the host, the "
                "container or all processes of the worker ended, or were frozen."
            )
            if not transitions.lose(node_id, heartbeat=heartbeat, reason=reason):
                return False
            node_lost.send(sender=Node, node_id=node_id)
        return True
