"""Where wake-ups travel: the names of the Celery queues."""

_PREFIX = "taskplane."


def celery_queue(queue: str) -> str:
    """The Celery queue that carries the wake-ups of a queue."""
    return f"{_PREFIX}{queue}"
