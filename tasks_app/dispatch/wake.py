"""Queues that have ready work but no bell: Redis lost it, or nobody was there to ring."""

from tasks_app.ring import ring
from tasks_app.selectors import list_queues_with_ready_tasks


def wake() -> bool:
    """Ring every queue with ready work; a queue whose bells still wait gets no more."""
    for queue, ready in list_queues_with_ready_tasks().items():
        ring(queue, bells=ready)
    return False
