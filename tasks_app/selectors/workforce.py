"""Whether live workers serve a queue."""

from datetime import timedelta

from django.conf import settings

from controlplane.core.clock import now
from tasks_app.queues import ALL_QUEUES
from workers.selectors import list_live_nodes
from workers.states import NodeState


def has_worker(queue: str) -> bool:
    """Whether a worker with a recent heartbeat takes work of this queue."""
    nodes = list_live_nodes().filter(
        state=NodeState.ACTIVE,
        heartbeat_at__gt=now() - unresponsive_after(),
        queues__overlap=[queue, ALL_QUEUES],
    )
    return nodes.exists()


def unresponsive_after() -> timedelta:
    """After this long without a heartbeat a node is not counted on; a few heartbeats at least."""
    beat = settings.TASKPLANE["HEARTBEAT_INTERVAL_MS"] / 1000
    return timedelta(seconds=max(settings.TASKPLANE["LEASE_SECONDS"], 3 * beat))
