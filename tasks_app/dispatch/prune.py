"""What is older than its retention goes, in bounded batches."""

from datetime import timedelta

from django.conf import settings

from controlplane.core.clock import now
from controlplane.workspaces.services import prune_audit
from tasks_app import services


def prune() -> bool:
    """One batch of each kind."""
    audit_kept = timedelta(days=settings.TASKPLANE["AUDIT_RETENTION_DAYS"])
    events = prune_audit(before=now() - audit_kept)
    return services.prune_history().total + events > 0
