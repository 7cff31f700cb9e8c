"""The name of a node."""

MAX_WORKER_NAME = 100


def name_node(worker: str, node_id: int) -> str:
    """`worker` is what the operator calls the worker (`--name`); several may share it, and each of
    its runs is a node of its own. Without an id, before the node is registered, the worker's name.
    """
    return f"{worker}#{node_id}" if node_id else worker


def read_node_id(text: str) -> int | None:
    """The id in a node's name, or in an id alone; None when there is none."""
    digits = text.rpartition("#")[2]
    return int(digits) if digits.isascii() and digits.isdigit() else None
