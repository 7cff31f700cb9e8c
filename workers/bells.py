"""Where bells travel: the names of the Celery queues."""

_PREFIX = "taskplane."


def celery_queue(queue: str) -> str:
    """The Celery queue that carries the bells of a queue."""
    return f"{_PREFIX}{queue}"
