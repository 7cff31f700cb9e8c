"""The dispatcher's sweeps: each a bounded, guarded batch that is safe to run twice."""

from collections.abc import Callable

from django.conf import settings

from tasks_app import services
from tasks_app.queries import list_nodes_holding_tasks, list_queues_with_ready_tasks
from tasks_app.services.rescue import rescue_node
from tasks_app.wakeups import notify_workers
from workers.queries import list_ended_ids
from workers.services import LossDetector

_PROMOTED_AT_ONCE = 1_000


def promote() -> bool:
    """Make SCHEDULED and RETRYING tasks PENDING whose time has come: one batch."""
    promoted = services.promote_due(limit=_PROMOTED_AT_ONCE)
    for queue, count in promoted.items():
        notify_workers(queue, wake_ups=count)
    return sum(promoted.values()) >= _PROMOTED_AT_ONCE


def wake() -> bool:
    """Send wake-ups for every queue with ready work, since Redis may have lost those that were
    sent. A queue whose wake-ups still wait gets no more."""
    for queue, ready in list_queues_with_ready_tasks().items():
        notify_workers(queue, wake_ups=ready)
    return False


def rescue_interval_seconds() -> float:
    """Seconds between two checks. The detector takes half a lease without a check for an outage,
    and starts its periods again: the checks must be much closer than that."""
    lease_seconds: float = settings.TASKPLANE["LEASE_SECONDS"]
    return min(1.0, lease_seconds / 8)


def make_rescue() -> Callable[[], bool]:
    """A sweep that takes back what lost nodes held. It has a detector of its own, so that each
    dispatcher trusts only its own clock."""
    detector = LossDetector()

    def rescue() -> bool:
        detector.check()
        # A node may have ended between its last claim's check and that claim's commit.
        ended = list_ended_ids(list_nodes_holding_tasks())
        return sum(rescue_node(node_id) for node_id in ended) > 0

    return rescue


def prune() -> bool:
    """Remove what is older than its retention: one batch of each kind."""
    return sum(services.prune_everything().values()) > 0
