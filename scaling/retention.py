"""Remove decisions after their retention.

Apart from `decisions`, since the dispatcher does this and decides nothing.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from controlplane.core.clock import now
from scaling.models import Launch, ScalingEvent
from scaling.queries.pool import POOL
from scaling.states import OPEN_EVENTS, EventState, LaunchState

UNCHANGED_KEPT = timedelta(hours=6)


def prune_events(limit: int) -> int:
    """Remove at most `limit` events: those that changed nothing after six hours, the others, with
    their launches, after SCALING_RETENTION_DAYS, unless they are in progress; and as many launches
    without an event that ended before. Returns the number of removed rows."""
    at = now()
    before = at - timedelta(days=settings.TASKPLANE_SCALING["RETENTION_DAYS"])
    is_unchanged = Q(state=EventState.UNCHANGED.value)
    is_old = Q(at__lt=before) & ~Q(state__in=[state.value for state in OPEN_EVENTS])
    with transaction.atomic():
        events = ScalingEvent.objects.filter(pool=POOL).order_by("id")
        old = events.filter(
            (is_unchanged & Q(at__lt=at - UNCHANGED_KEPT)) | (~is_unchanged & is_old)
        )
        ids = old.select_for_update(skip_locked=True).values_list("id", flat=True)[:limit]
        removed, _ = ScalingEvent.objects.filter(id__in=list(ids)).delete()
    without_event = Launch.objects.filter(pool=POOL, event=None, ended_at__lt=before)
    launches = without_event.exclude(state=LaunchState.STARTING).order_by("id")
    deleted, _ = Launch.objects.filter(id__in=launches.values("id")[:limit]).delete()
    return removed + deleted
