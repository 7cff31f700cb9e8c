"""How the number of workers answered a test's load."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from controlplane.core.clock import utc_z
from controlplane.stress.report import Point
from scaling.queries.events import EventFilter, list_events

_MOST_EVENTS = 100


def describe_reaction(
    begun_at: datetime, ended_at: datetime, points: Sequence[Point]
) -> dict[str, Any]:
    """Workers at the beginning, the peak and the end, and the decisions in between. Seconds count
    from the beginning; null of what did not happen."""
    events = list(
        list_events(EventFilter(since=begun_at, until=ended_at)).order_by("id")[: _MOST_EVENTS + 1]
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
            for event in events[:_MOST_EVENTS]
        ],
        "hasMoreEvents": len(events) > _MOST_EVENTS,
    }


def _since(begun_at: datetime, at: datetime | None) -> float | None:
    return None if at is None else round((at - begun_at).total_seconds(), 3)
