"""Samples of the queues, once a minute: what their charts and comparisons are made of."""

from datetime import datetime, timedelta

from django.db import connection

from controlplane.core.clock import now
from tasks_app.models import MinuteSample, Queue, QueueSample
from tasks_app.queries.counts import LaneCounts, count_lanes
from tasks_app.queries.engine_health import unresponsive_after
from tasks_app.queries.queues import list_longest_waits
from workers.queries import list_live_nodes
from workers.states import NodeState

KEPT = timedelta(days=7)
_MAX_LANES = 10_000
_MAX_NODES = 10_000


def sample_minute() -> bool:
    """Sample the present minute unless that has been done. Safe to run twice at once: the row of
    the minute lets one of them go on."""
    at = now().replace(second=0, microsecond=0)
    if not MinuteSample.objects.filter(at=at).exists() and _mark(at):
        _sample_lanes(at)
    return False


def prune_samples(limit: int) -> int:
    """Remove at most `limit` samples of each kind that are older than a week."""
    removed = 0
    for table in (QueueSample._meta.db_table, MinuteSample._meta.db_table):
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608 - our own names
                f" SELECT ctid FROM {table} WHERE at < %s LIMIT %s FOR UPDATE SKIP LOCKED))",
                [now() - KEPT, limit],
            )
            removed += cursor.rowcount
    return removed


def _mark(at: datetime) -> bool:
    nodes = list_live_nodes().filter(
        state=NodeState.ACTIVE, heartbeat_at__gt=now() - unresponsive_after()
    )
    slots = list(nodes.values_list("concurrency", flat=True)[:_MAX_NODES])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tasks_app_minutesample (at, nodes, slots) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [at, len(slots), sum(slots)],
        )
        is_ours: bool = cursor.rowcount > 0
        return is_ours


def _sample_lanes(at: datetime) -> None:
    lanes = list(Queue.objects.order_by("id").values_list("id", flat=True)[:_MAX_LANES])
    counts, waits = count_lanes(lanes), list_longest_waits(lanes)
    found = [
        QueueSample(
            queue_id=lane,
            at=at,
            waiting=count.pending,
            running=count.running,
            oldest_wait_ms=waits.get(lane),
        )
        for lane in lanes
        if (count := counts.get(lane, LaneCounts())).pending or count.running
    ]
    QueueSample.objects.bulk_create(found, batch_size=1_000, ignore_conflicts=True)
