"""Reads of nodes. Nodes serve all workspaces, so these take none."""

from collections.abc import Sequence

from django.db.models import QuerySet

from workers.models import Node
from workers.states import LIVE, NodeState

_LIVE = [state.value for state in LIVE]


def list_live_nodes() -> QuerySet[Node]:
    """Nodes that have not ended, newest first."""
    return Node.objects.filter(state__in=_LIVE).order_by("-id")


def list_heartbeats() -> dict[int, int]:
    """The heartbeat counter of every live node."""
    return dict(Node.objects.filter(state__in=_LIVE).values_list("id", "heartbeat"))


def list_ended_ids(node_ids: Sequence[int]) -> list[int]:
    """Those of these nodes that have ended."""
    ended = Node.objects.filter(id__in=node_ids).exclude(state__in=_LIVE)
    return list(ended.values_list("id", flat=True))


def get_node_names(node_ids: Sequence[int]) -> dict[int, str]:
    """Names by id, for showing who ran something."""
    return dict(Node.objects.filter(id__in=node_ids).values_list("id", "name"))


def serves(queue: str) -> bool:
    """Whether an active node takes work of this queue."""
    active = Node.objects.filter(state=NodeState.ACTIVE)
    return active.filter(queues__overlap=[queue, "*"]).exists()
