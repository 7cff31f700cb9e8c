"""The dispatcher's work for schedules: bounded batches, each of which continues where the previous
one ended.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django_celery_beat.models import PeriodicTasks

from controlplane.core.clock import now
from controlplane.ops.schedules.beat_sync import sync_beat
from controlplane.ops.schedules.firing import fire_due
from controlplane.ops.schedules.models import Firing
from controlplane.ops.schedules.overlaps import NO_ID, start_queued
from controlplane.ops.schedules.starting import START, record_ends
from controlplane.ops.schedules.states import FiringState

_FIRE_LIMIT = 100
_SYNC_EVERY_SECONDS = 60.0


def fire() -> bool:
    """Fire due schedules. Returns whether more are waiting."""
    return fire_due(limit=_FIRE_LIMIT) == _FIRE_LIMIT


class Rounds:
    """Round and round, a batch at each call; whether more waits. `batch` takes where to go on, and
    returns that for the next one: None at the end, after which it begins again at `start`."""

    def __init__(self, batch: Callable[..., tuple[int, Any]], start: Any) -> None:
        self._batch = batch
        self._start = self._after = start

    def __call__(self) -> bool:
        _, last = self._batch(after=self._after)
        self._after = self._start if last is None else last
        return last is not None


def make_queue_sweep() -> Rounds:
    """Through the schedules that have firings waiting."""
    return Rounds(start_queued, NO_ID)


def make_end_sweep() -> Rounds:
    """Through the firings that are under way."""
    return Rounds(record_ends, START)


class SyncBeat(Rounds):
    """Compares all PeriodicTasks when beat reports a change, and once a minute."""

    def __init__(self) -> None:
        super().__init__(sync_beat, 0)
        self._seen: datetime | None = None
        self._due = 0.0

    def __call__(self) -> bool:
        if self._after == 0:
            change = PeriodicTasks.last_change()
            if change == self._seen and time.monotonic() < self._due:
                return False
            # Noted before the look: what changes during it is looked at again.
            self._seen, self._due = change, time.monotonic() + _SYNC_EVERY_SECONDS
        return super().__call__()


def prune_firings(limit: int) -> int:
    """Remove at most `limit` of the oldest firings past SCHEDULE_RETENTION_DAYS. Returns their
    number. Those that have not ended are kept."""
    before = now() - timedelta(days=settings.TASKPLANE["SCHEDULE_RETENTION_DAYS"])
    open_states = [FiringState.QUEUED.value, FiringState.STARTED.value]
    old = Firing.objects.filter(decided_at__lt=before).exclude(state__in=open_states)
    ids = old.order_by("decided_at").values("id")[:limit]
    removed, _ = Firing.objects.filter(id__in=ids).delete()
    return removed
