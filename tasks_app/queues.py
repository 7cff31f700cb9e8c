"""How queues are named, here and in Celery."""

import re

WAKE_UP_TASK = "taskplane.drain"
ALL_QUEUES = "*"
MAX_PAUSE_REASON = 500
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
NAME_RULE = (
    "A queue's name is 1 to 100 letters, digits, '.', '_', ':' and '-', the first a letter or "
    "digit."
)


def is_served(name: str, served: set[str]) -> bool:
    """Whether a node takes tasks of the queue. `served`: the names of the queues that nodes take;
    `*` stands for all."""
    return name in served or ALL_QUEUES in served
