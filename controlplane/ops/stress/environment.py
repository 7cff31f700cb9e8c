"""The environment of a test: versions, nodes and slots, and how the number of workers changed."""

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import django
from django.db import connection

from controlplane import __version__
from controlplane.core.clock import utc_z
from controlplane.ops.stress.report import Point
from controlplane.ops.stress.spec import QUEUE
from scaling.queries.events import EventFilter, list_events
from tasks_app.queues import ALL_QUEUES
from workers.queries import list_live_nodes, list_nodes
from workers.states import NodeState

_MAX_EVENTS = 100


def describe_environment() -> dict[str, Any]:
    """As JSON, with the nodes that take work from the queue of tests now."""
    serving = list_live_nodes().filter(state=NodeState.ACTIVE, queues__overlap=[QUEUE, ALL_QUEUES])
    nodes = [
        {
            "id": node.id,
            "name": node.name,
            "host": node.host,
            "version": node.version,
            "slots": node.concurrency,
            "queues": list(node.queues),
        }
        for node in serving.order_by("id")
    ]
    server = connection.cursor().connection.info.server_version
    return {
        "version": __version__,
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": f"PostgreSQL {server // 10_000}.{server % 10_000}",
        "nodes": nodes,
        "workers": len(nodes),
        "slots": sum(node["slots"] for node in nodes),
        "staleWrites": {str(n.id): n.stale_writes for n in list_live_nodes()},
    }


def count_stale_writes(environment: Mapping[str, Any]) -> int:
    """Outcomes refused since the environment was described, on all nodes that are alive or ended
    within the last hour."""
    before: Mapping[str, int] = environment.get("staleWrites", {})
    return sum(max(0, node.stale_writes - before.get(str(node.id), 0)) for node in list_nodes())


def describe_scaling(
    begun_at: datetime, ended_at: datetime, points: Sequence[Point]
) -> dict[str, Any]:
    """Workers at the beginning, the peak and the end, and the decisions in between. Seconds count
    from the beginning; null for what did not happen."""
    events = list(
        list_events(EventFilter(since=begun_at, until=ended_at)).order_by("id")[: _MAX_EVENTS + 1]
    )
    workers = [point.workers for point in points]
    peak = max(workers, default=None)
    rises = [event for event in events if event.to_workers > event.from_workers]
    grown_at = next((p.at for p in points if workers and p.workers > workers[0]), None)
    peaked_at = next((p.at for p in points if p.workers == peak), None)
    return {
        "workersAtBegin": workers[0] if workers else None,
        "workersAtPeak": peak,
        "workersAtEnd": workers[-1] if workers else None,
        "secondsToDecision": _since(begun_at, rises[0].at if rises else None),
        "secondsToFirstWorker": _since(begun_at, grown_at),
        "secondsToPeak": _since(begun_at, peaked_at) if grown_at else None,
        "events": [
            {
                "id": str(event.id),
                "at": utc_z(event.at),
                "from": event.from_workers,
                "to": event.to_workers,
                "status": event.state,
                "sentence": event.sentence,
            }
            for event in events[:_MAX_EVENTS]
        ],
        "hasMoreEvents": len(events) > _MAX_EVENTS,
    }


def _since(begun_at: datetime, at: datetime | None) -> float | None:
    return None if at is None else round((at - begun_at).total_seconds(), 3)
