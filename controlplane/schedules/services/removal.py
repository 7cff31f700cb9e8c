"""Removing schedules and old firings."""

from datetime import timedelta

from django.conf import settings

from controlplane.core.clock import now
from controlplane.schedules.models import Firing, Schedule
from controlplane.schedules.states import FiringState


def settle_removal(*, periodic_task_id: int) -> None:
    """Wait for whoever is firing the schedule of a PeriodicTask that is about to be deleted, and
    keep others from it, so that no firing appears beneath the deletion."""
    found = Schedule.objects.filter(periodic_task_id=periodic_task_id)
    found.select_for_update().values_list("id").first()


def prune_firings(limit: int) -> int:
    """Remove at most `limit` of the oldest firings past SCHEDULE_RETENTION_DAYS; how many. Those
    that have not ended are kept."""
    before = now() - timedelta(days=settings.TASKPLANE["SCHEDULE_RETENTION_DAYS"])
    open_states = [FiringState.QUEUED.value, FiringState.STARTED.value]
    old = Firing.objects.filter(decided_at__lt=before).exclude(state__in=open_states)
    ids = old.order_by("decided_at").values("id")[:limit]
    removed, _ = Firing.objects.filter(id__in=ids).delete()
    return removed
