"""The number that KEDA, an HPA or a person may follow."""

from datetime import timedelta

from django.conf import settings

from controlplane.core.clock import now
from scaling.models import Pool
from scaling.selectors.pool import get_manual_order

_FRESH_SECONDS = 60.0
_FRESH_INTERVALS = 3


def get_published(pool: Pool) -> int | None:
    """How many workers the loop's last pass wants: 0 when nothing waits, runs or is expected and
    nobody ordered a number; as many as there are while auto-scaling is off. None when the loop has
    not decided for a while."""
    if pool.decided_at is None:
        return None
    interval: float = settings.TASKPLANE_SCALING["INTERVAL_SECONDS"]
    fresh = timedelta(seconds=max(_FRESH_SECONDS, _FRESH_INTERVALS * interval))
    if now() - pool.decided_at > fresh:
        return None
    if pool.target is None:
        return int(pool.ready + pool.starting)
    is_unwanted = pool.is_idle and get_manual_order(pool) is None
    return 0 if is_unwanted else int(pool.target)
