"""What the dispatcher does for schedules, each in bounded portions that go on where the last one
ended."""

import time
from datetime import datetime

from django_celery_beat.models import PeriodicTasks

from controlplane.schedules.services.firing import fire_due
from controlplane.schedules.services.queueing import start_portion
from controlplane.schedules.services.settling import START, settle_portion
from controlplane.schedules.services.syncing import sync_portion

FIRE_LIMIT = 100
QUEUE_LIMIT = 100
SETTLE_LIMIT = 1_000
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
        _, last = start_portion(after=self._after, limit=QUEUE_LIMIT)
        self._after = last or START[0]
        return last is not None


class Settle:
    """Round and round through the firings that are under way."""

    def __init__(self) -> None:
        self._after = START

    def __call__(self) -> bool:
        _, last = settle_portion(after=self._after, limit=SETTLE_LIMIT)
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
        _, last = sync_portion(after=self._after, limit=SYNC_LIMIT)
        self._after = last or 0
        return last is not None
