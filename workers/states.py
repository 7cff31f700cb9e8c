"""The states of a node."""

from django.db.models import TextChoices


class NodeState(TextChoices):
    """The state of a worker node."""

    STARTING = "STARTING", "Starting"  # registered → ACTIVE
    ACTIVE = "ACTIVE", "Active"  # claims work → DRAINING, STOPPED, LOST
    DRAINING = "DRAINING", "Draining"  # finishes, takes nothing new → STOPPED, LOST
    STOPPED = "STOPPED", "Stopped"  # ended normally; final
    LOST = "LOST", "Lost"  # killed, crashed, or without a heartbeat for a lease period; final


LIVE = frozenset({NodeState.STARTING, NodeState.ACTIVE, NodeState.DRAINING})
