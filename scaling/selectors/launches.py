"""Workers that were asked for: how long they take, and how many failed."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from controlplane.core.clock import now
from scaling.models import Launch
from scaling.selectors.pool import POOL
from scaling.states import LaunchState

USUAL_STARTUP = 60.0  # seconds, as long as too few were measured
_MEASURED = 50
_FEWEST = 5
_SINCE = timedelta(days=30)
_SHARE = 0.95
_FIRST_REST, _LONGEST_REST = 5.0, 300.0  # seconds


def list_starting() -> QuerySet[Launch]:
    """Workers that were asked for and are not ready, oldest first."""
    return Launch.objects.filter(pool=POOL, state=LaunchState.STARTING).order_by("id")


def get_startup(backend: str, usual: float = USUAL_STARTUP) -> float:
    """Seconds from the wish for a worker until it is ready: the 95th percentile of the newest fifty
    of a month; `usual` as long as there are fewer than five."""
    ready = Launch.objects.filter(
        pool=POOL, backend=backend, state=LaunchState.READY, ended_at__gte=now() - _SINCE
    )
    times = ready.order_by("-id").values_list("asked_at", "ended_at")[:_MEASURED]
    seconds = sorted((end - asked).total_seconds() for asked, end in times if end)
    if len(seconds) < _FEWEST:
        return usual
    return max(0.1, seconds[min(len(seconds) - 1, int(_SHARE * len(seconds)))])


def get_rest(backend: str) -> tuple[int, datetime] | None:
    """How many of the newest launches failed in a row, and until when no other is tried; None when
    the newest did not fail. The pause doubles with each failure, up to five minutes."""
    newest = Launch.objects.filter(pool=POOL, backend=backend).exclude(
        state__in=[LaunchState.STARTING, LaunchState.CANCELLED]
    )
    failures = 0
    last: datetime | None = None
    for state, ended in newest.order_by("-id").values_list("state", "ended_at")[:_MEASURED]:
        if state != LaunchState.FAILED or ended is None:
            break
        failures += 1
        last = ended if last is None else max(last, ended)
    if last is None:
        return None
    pause = min(_LONGEST_REST, _FIRST_REST * 2 ** min(failures - 1, 10))
    return failures, last + timedelta(seconds=pause)
