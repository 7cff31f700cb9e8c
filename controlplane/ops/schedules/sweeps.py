"""What the dispatcher does for schedules: bounded batches, each of which goes on where the last one
ended.
"""

import time
from datetime import datetime, timedelta

from django.conf import settings
from django_celery_beat.models import PeriodicTasks

from controlplane.core.clock import now
from controlplane.ops.schedules.beat_sync import sync_batch
from controlplane.ops.schedules.ends import START, record_batch
from controlplane.ops.schedules.firing import fire_due
from controlplane.ops.schedules.models import Firing
from controlplane.ops.schedules.overlaps import start_queued_batch
from controlplane.ops.schedules.states import FiringState

FIRE_LIMIT = 100
QUEUE_LIMIT = 100
RECORD_LIMIT = 1_000
SYNC_LIMIT = 1_000
SYNC_EVERY_SECONDS = 60.0


def fire() -> bool:
    """Fire what is due; whether more waits."""
    return fire_due(limit=FIRE_LIMIT) == FIRE_LIMIT


class StartQueued:
    """Round and round through the schedules that have firings waiting."""

    def __init__(self) -> None:
        self._after = START[0]

    def __call__(self) -> bool:
        _, last = start_queued_batch(after=self._after, limit=QUEUE_LIMIT)
        self._after = last or START[0]
        return last is not None


class RecordEnds:
    """Round and round through the firings that are under way."""

    def __init__(self) -> None:
        self._after = START

    def __call__(self) -> bool:
        _, last = record_batch(after=self._after, limit=RECORD_LIMIT)
        self._after = last or START
        return last is not None


class SyncBeat:
    """Through all PeriodicTasks when beat says that something changed, and once a minute."""

    def __init__(self) -> None:
        self._after = 0
        self._seen: datetime | None = None
        self._due = 0.0

    def __call__(self) -> bool:
        if self._after == 0:
            change = PeriodicTasks.last_change()
            if change == self._seen and time.monotonic() < self._due:
                return False
            # Noted before the look: what changes during it is looked at again.
            self._seen, self._due = change, time.monotonic() + SYNC_EVERY_SECONDS
        _, last = sync_batch(after=self._after, limit=SYNC_LIMIT)
        self._after = last or 0
        return last is not None


def prune_firings(limit: int) -> int:
    """Remove at most `limit` of the oldest firings past SCHEDULE_RETENTION_DAYS; how many. Those
    that have not ended are kept."""
    before = now() - timedelta(days=settings.TASKPLANE["SCHEDULE_RETENTION_DAYS"])
    open_states = [FiringState.QUEUED.value, FiringState.STARTED.value]
    old = Firing.objects.filter(decided_at__lt=before).exclude(state__in=open_states)
    ids = old.order_by("decided_at").values("id")[:limit]
    removed, _ = Firing.objects.filter(id__in=ids).delete()
    return removed
