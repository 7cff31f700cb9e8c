"""Who leads a kind of loop, and when it was last heard of."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.core.clock import now
from tasks_app.models import Leader

DISPATCHER = "dispatcher"
AUTOSCALER = "autoscaler"


@dataclass(frozen=True, slots=True)
class LeaderView:
    """How a loop stands. `seen_at` is its last pass; None when it has never run."""

    leads: bool  # somebody holds the lead now
    seen_at: datetime | None = None
    label: str = ""  # host and process of the holder
    seen_ago: timedelta | None = None


def view_leader(name: str) -> LeaderView:
    """The loop of this name, such as `autoscaler`."""
    leader = Leader.objects.filter(name=name).first()
    if leader is None:
        return LeaderView(leads=False)
    at, seen = now(), leader.last_pass_at
    return LeaderView(
        leads=leader.expires_at > at,
        seen_at=seen,
        label=leader.holder_label,
        seen_ago=None if seen is None else max(timedelta(), at - seen),
    )
