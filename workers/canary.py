"""The canary: a message that a worker sends itself, to know that it still consumes.

Workers have been seen to log "ready" and never take a message after Redis refused connections for a
while; only a message that comes back proves that it works. Main itself receives it, not its pool,
since a healthy pool may be busy for hours.
"""

import logging
import time

from celery import current_app
from kombu import Connection, Exchange, Producer, Queue
from kombu.exceptions import OperationalError as BrokerError

from workers.node_state import SharedNodeState

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 10.0


def canary_queue(name: str) -> Queue:
    """The queue of a worker's own canary."""
    key = f"taskplane-canary.{name}"
    return Queue(
        key, Exchange(key, durable=False, auto_delete=True), key, durable=False, auto_delete=True
    )


class Canary:
    """The agent's side: sends canaries, and measures how long they stay unanswered."""

    def __init__(self, node_state: SharedNodeState, name: str) -> None:
        self._node_state = node_state
        self._queue = canary_queue(name)
        self._next = 0.0
        self._sent_since: float | None = None  # the oldest canary without an answer
        self._connection: Connection | None = None

    def send_if_due(self) -> None:
        """Send a canary if one is due. An unreachable broker does not count against the worker."""
        now = time.monotonic()
        if now < self._next or not self._node_state.is_ready:
            return
        self._next = now + _EVERY_SECONDS
        if self._connection is None:
            self._connection = current_app.connection_for_write()
        try:
            producer = Producer(self._connection.default_channel, serializer="json")
            producer.publish(
                {},
                exchange=self._queue.exchange,
                routing_key=self._queue.routing_key,
                declare=[self._queue],
                expiration=_EVERY_SECONDS,
                retry=False,
            )
        except (
            BrokerError,
            OSError,
            *self._connection.connection_errors,
            *self._connection.channel_errors,
        ) as error:
            logger.info("Canary not sent: error=%s", error)
            self._connection.release()
            self._connection = None
            self._sent_since = None
            return
        if self._sent_since is None or self._node_state.canary_received_at > self._sent_since:
            self._sent_since = now

    def seconds_without_answer(self) -> float:
        """The age of the oldest unanswered canary; 0 when all came back."""
        if self._sent_since is None or self._node_state.canary_received_at >= self._sent_since:
            return 0.0
        return time.monotonic() - self._sent_since
