"""Queues that have ready work but no wake-up: Redis lost it, or nobody was there to ring."""

from tasks_app.selectors import list_queues_with_ready_tasks
from tasks_app.wakeups import notify_workers


def wake() -> bool:
    """Ring every queue with ready work; a queue whose wake-ups still wait gets no more."""
    for queue, ready in list_queues_with_ready_tasks().items():
        notify_workers(queue, wake_ups=ready)
    return False
