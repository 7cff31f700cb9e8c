"""The lists in Redis that carry wake-ups, one for each queue: an entry wakes one slot.

An entry is the queue's name; or EARLY, for a task whose commit is under way. The slot that takes an
early one looks for work again until EARLY_SECONDS have passed, and the sender sends an ordinary one
after a commit that took longer. So none is lost, whatever the clocks of their machines say.
"""

from typing import Any
from uuid import uuid4

from kombu import Connection
from kombu.exceptions import OperationalError

from controlplane.core.redisversion import remember_redis_version

EARLY = "early"
EARLY_SECONDS = 0.002  # of the order of a commit
EXPIRES_SECONDS = 60  # a list does not last: old wake-ups would wake slots for nothing later

_PREFIX = "taskplane:wake-ups:"


def wake_up_list(queue: str) -> str:
    """The list of a queue."""
    return f"{_PREFIX}{queue}"


def queue_of_list(name: str) -> str:
    """The queue of a list."""
    return name.removeprefix(_PREFIX)


def make_withdrawal_list() -> str:
    """The name of a list of one pool child's own, by which it takes its request back."""
    return f"taskplane:withdrawal:{uuid4().hex}"


def add_first(connection: Any, name: str, entry: str) -> None:
    """Put an entry where the next one is taken from. Raises the broker's errors."""
    _run(connection, ("RPUSH", name, entry), ("EXPIRE", name, EXPIRES_SECONDS))


def remove_list(connection: Any, name: str) -> None:
    """Raises the broker's errors."""
    _run(connection, ("DEL", name))


def _run(connection: Any, *commands: tuple[Any, ...]) -> None:
    connection.send_packed_command(connection.pack_commands(commands))
    for _ in commands:
        connection.read_response()


def open_redis(broker: Connection) -> Any:
    """The connection of redis-py under a kombu connection to Redis: open, with kombu's settings.
    It is closed with `broker`. Raises the broker's errors."""
    remember_redis_version()
    channel: Any = broker.default_channel
    return channel.client.connection_pool.get_connection()


def broker_failures(broker: Connection) -> tuple[type[Exception], ...]:
    """What a kombu connection and what is below it raise. A Redis that is full or read-only refuses
    with an error of the channel."""
    return (OperationalError, OSError, *broker.connection_errors, *broker.channel_errors)
