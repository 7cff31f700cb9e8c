"""SCHEDULED and RETRYING tasks whose time has come become PENDING."""

from tasks_app import services
from tasks_app.wakeups import notify_workers

_BATCH = 1_000


def promote() -> bool:
    """One batch of what is due."""
    promoted = services.promote_due(limit=_BATCH)
    for queue, count in promoted.items():
        notify_workers(queue, wake_ups=count)
    return sum(promoted.values()) >= _BATCH
