"""Names: of nodes, of what they run, and of the Celery queues that carry wake-ups."""

MAX_WORKER_NAME = 100
MAX_RELEASE = 80
_CELERY_PREFIX = "taskplane."


def name_node(worker: str, node_id: int) -> str:
    """`worker` is the operator's name of the worker (`--name`); several may share it, and each of
    its runs is a node of its own. Without an id, before the node is registered, the worker's name.
    """
    return f"{worker}#{node_id}" if node_id else worker


def name_code(release: str, version: str) -> str:
    """What a node ran: the release of the user's code, or the version of Taskplane where no release
    was set. Empty if neither is known."""
    return release or (f"Taskplane {version}" if version else "")


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
