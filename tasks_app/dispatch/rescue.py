"""Work held by nodes that are gone."""

from collections.abc import Callable

from tasks_app.selectors import list_nodes_holding_tasks
from tasks_app.services.rescue import rescue_node
from workers.selectors import list_ended_ids
from workers.services import LossDetector


def make_rescue() -> Callable[[], bool]:
    """A sweep with its own detector, so that each dispatcher trusts only its own clock."""
    detector = LossDetector()

    def rescue() -> bool:
        detector.look()
        holding = list_nodes_holding_tasks()
        # A node may have ended between its last claim's check and that claim's commit.
        return any([rescue_node(node_id) > 0 for node_id in list_ended_ids(holding)])

    return rescue
