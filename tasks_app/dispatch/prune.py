"""What is older than its retention goes, in bounded batches."""

from datetime import timedelta

from django.conf import settings

from controlplane.core.clock import now
from controlplane.workspaces.services import prune_audit
from tasks_app import services
from workers.services import prune_nodes

_LATE = timedelta(days=7)  # in which the last work of a node may be settled


def prune() -> bool:
    """One batch of each kind."""
    audit_kept = timedelta(days=settings.TASKPLANE["AUDIT_RETENTION_DAYS"])
    events = prune_audit(before=now() - audit_kept)
    # An attempt names its node, and goes before it.
    attempts_kept = timedelta(days=settings.TASKPLANE["ATTEMPT_RETENTION_DAYS"])
    nodes = prune_nodes(before=now() - attempts_kept - _LATE)
    others = sum(services.prune_registered().values())
    return services.prune_history().total + others + events + nodes > 0
