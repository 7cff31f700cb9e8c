"""SCHEDULED and RETRYING tasks whose time has come become PENDING."""

from tasks_app import services
from tasks_app.ring import ring

_BATCH = 1_000


def promote() -> bool:
    """One batch of what is due."""
    promoted = services.promote_due(limit=_BATCH)
    for queue, count in promoted.items():
        ring(queue, bells=count)
    return sum(promoted.values()) >= _BATCH
