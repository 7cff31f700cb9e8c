"""The lists in Redis that carry wake-ups, one for each queue: an entry wakes one slot."""

from typing import Any

from kombu import Connection
from kombu.exceptions import OperationalError

from controlplane.core.redisversion import remember_redis_version

_PREFIX = "taskplane:wake-ups:"


def wake_up_list(queue: str) -> str:
    """The list of a queue. Its entries are the queue's name."""
    return f"{_PREFIX}{queue}"


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
