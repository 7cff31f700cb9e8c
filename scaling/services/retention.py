"""How long decisions are kept: those that changed nothing for hours, the others for days."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from controlplane.core.clock import now
from scaling.models import Launch, ScalingEvent
from scaling.selectors.pool import POOL
from scaling.states import OPEN_EVENTS, EventState, LaunchState

HELD_KEPT = timedelta(hours=6)


def prune_events(limit: int) -> int:
    """Remove at most `limit` events: held ones after six hours, the others, with their launches,
    after SCALING_RETENTION_DAYS, unless they are under way; and as many launches without an event
    that ended before. How many rows were removed."""
    at = now()
    before = at - timedelta(days=settings.TASKPLANE_SCALING["RETENTION_DAYS"])
    is_held = Q(state=EventState.HELD.value)
    is_old = Q(at__lt=before) & ~Q(state__in=[state.value for state in OPEN_EVENTS])
    with transaction.atomic():
        events = ScalingEvent.objects.filter(pool=POOL).order_by("id")
        old = events.filter((is_held & Q(at__lt=at - HELD_KEPT)) | (~is_held & is_old))
        doomed = old.select_for_update(skip_locked=True).values_list("id", flat=True)[:limit]
        removed, _ = ScalingEvent.objects.filter(id__in=list(doomed)).delete()
    loose = Launch.objects.filter(pool=POOL, event=None, ended_at__lt=before)
    doomed_launches = loose.exclude(state=LaunchState.STARTING).order_by("id")
    deleted, _ = Launch.objects.filter(id__in=doomed_launches.values("id")[:limit]).delete()
    return removed + deleted
