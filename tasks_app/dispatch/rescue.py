"""Work held by nodes that are gone."""

from collections.abc import Callable

from django.conf import settings

from tasks_app.selectors import list_nodes_holding_tasks
from tasks_app.services.rescue import rescue_node
from workers.selectors import list_ended_ids
from workers.services import LossDetector


def rescue_interval_seconds() -> float:
    """Seconds between looks. The detector takes half a lease without a look for an outage, and
    starts its periods anew: looks must be much closer than that."""
    lease_seconds: float = settings.TASKPLANE["LEASE_SECONDS"]
    return min(1.0, lease_seconds / 8)


def make_rescue() -> Callable[[], bool]:
    """A sweep with its own detector, so that each dispatcher trusts only its own clock."""
    detector = LossDetector()

    def rescue() -> bool:
        detector.look()
        # A node may have ended between its last claim's check and that claim's commit.
        ended = list_ended_ids(list_nodes_holding_tasks())
        return sum(rescue_node(node_id) for node_id in ended) > 0

    return rescue
