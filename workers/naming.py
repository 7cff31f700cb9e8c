"""Names: of nodes, and of the Celery queues that carry wake-ups."""

MAX_WORKER_NAME = 100
_CELERY_PREFIX = "taskplane."


def name_node(worker: str, node_id: int) -> str:
    """`worker` is the operator's name of the worker (`--name`); several may share it, and each of
    its runs is a node of its own. Without an id, before the node is registered, the worker's name.
    """
    return f"{worker}#{node_id}" if node_id else worker


def read_node_id(text: str) -> int | None:
    """The id in a node's name, or in an id alone; None when there is none."""
    digits = text.rpartition("#")[2]
    return int(digits) if digits.isascii() and digits.isdigit() else None


def celery_queue(queue: str) -> str:
    """The Celery queue that carries the wake-ups of a queue."""
    return f"{_CELERY_PREFIX}{queue}"


def served_queue(celery_queue: str) -> str | None:
    """The queue whose wake-ups a Celery queue carries; None when it carries something else."""
    if not celery_queue.startswith(_CELERY_PREFIX):
        return None
    return celery_queue.removeprefix(_CELERY_PREFIX)
