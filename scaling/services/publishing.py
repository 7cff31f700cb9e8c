"""The number of workers for whatever follows it from outside."""

from scaling.selectors.demand import is_idle
from scaling.selectors.metric import get_published
from scaling.selectors.pool import get_manual_order, get_sound_configuration, read_pool
from scaling.services.deciding import decide_now


def read_metric() -> int:
    """How many workers are wanted; 0 when nothing waits, runs or is expected. Of the loop's last
    pass; while no loop runs it is decided on the spot, without a memory of earlier wishes.

    Raises Conflict: the configuration contradicts itself, and no loop has decided before.
    """
    pool = read_pool()
    published = get_published(pool)
    if published is not None:
        return published
    order = get_manual_order(pool)
    if order is not None:
        return order.workers
    configuration = get_sound_configuration(pool)
    decision = decide_now()
    if not configuration.enabled:
        return decision.demand.workers
    return 0 if is_idle(decision.demand) else decision.wanted
