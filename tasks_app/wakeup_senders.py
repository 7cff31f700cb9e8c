"""The two ways of a wake-up to a worker: an entry of a list in Redis, for which its pool children
wait; or, with another broker than Redis, a Celery message for its main process.

A sender belongs to one thread at a time. Its methods raise `failures`.
"""

from collections import deque
from typing import Any, Protocol

from celery import current_app
from celery.utils import uuid
from django.conf import settings
from kombu import Connection, Producer, Queue
from kombu.exceptions import ChannelError

from tasks_app.queues import WAKE_UP_TASK
from workers.naming import celery_queue
from workers.wake_up_lists import (
    EARLY,
    EXPIRES_SECONDS,
    broker_failures,
    open_redis,
    wake_up_list,
)

MAX_WAKE_UPS = 16  # waiting wake-ups that are enough for a queue: each wakes one slot
_UNCHECKED_WAKE_UPS = 4  # of a process and queue, sent since it last counted the waiting ones
_MAX_UNREAD = 8  # sent without an answer of Redis: with as many it is slow and may block


class WakeUpSender(Protocol):
    """Sends wake-ups over one connection to the broker."""

    failures: tuple[type[Exception], ...]

    def send(self, queue: str, wake_ups: int) -> int:
        """Send up to `wake_ups`, unless enough wait already. Returns how many were sent."""

    def send_at_once(self, queue: str, wake_ups: int) -> bool:
        """Send without waiting for an answer. False: nothing was sent, since this could block, or
        enough waited when an answer was last read."""

    def send_early(self, queue: str) -> bool:
        """As send_at_once, one for a task whose commit is under way. False as well where none may
        be early, or where no slot seems to wait for it."""

    def settle(self) -> None:
        """Wait until the broker has all that was sent."""

    def close(self) -> None:
        """Close the connection."""


def make_sender() -> WakeUpSender:
    """A sender for the broker of this installation. It connects when it first sends."""
    return ListSender() if settings.BROKER_IS_REDIS else MessageSender()


class ListSender:
    """Puts entries into the lists for which pool children wait."""

    def __init__(self) -> None:
        self._broker = current_app.connection_for_write()
        self._redis: Any = None
        self._unread: deque[tuple[str, int]] = deque()  # what was sent, without its answers
        self._waiting: dict[str, int] = {}  # wake-ups of a queue that the newest ones found there
        self.failures = broker_failures(self._broker)

    def close(self) -> None:
        self._broker.release()

    def send(self, queue: str, wake_ups: int) -> int:
        if self._redis is None:
            self._redis = open_redis(self._broker)
        self.settle()
        wanted = min(wake_ups, MAX_WAKE_UPS)
        self._write(queue, queue, wanted)
        self.settle()
        return max(0, min(wanted, MAX_WAKE_UPS - self._waiting[queue]))

    def send_at_once(self, queue: str, wake_ups: int) -> bool:
        if self._waiting.get(queue, 0) >= MAX_WAKE_UPS:
            return False
        return self._send_unread(queue, queue, min(wake_ups, MAX_WAKE_UPS))

    def send_early(self, queue: str) -> bool:
        # Where entries wait, every slot is busy, and looks for work when it has ended what it does.
        return self._waiting.get(queue) == 0 and self._send_unread(queue, EARLY, 1)

    def _send_unread(self, queue: str, entry: str, wake_ups: int) -> bool:
        if self._redis is None or len(self._unread) > _MAX_UNREAD:
            return False
        self._write(queue, entry, wake_ups)
        while self._unread and self._redis.can_read(0):
            self._read()
        return True

    def settle(self) -> None:
        while self._unread:
            self._read()

    def _write(self, queue: str, entry: str, wake_ups: int) -> None:
        """Add entries to a list that is kept short and does not last."""
        name = wake_up_list(queue)
        commands = (
            ("LPUSH", name, *[entry] * wake_ups),
            ("LTRIM", name, 0, MAX_WAKE_UPS - 1),
            ("EXPIRE", name, EXPIRES_SECONDS),
        )
        packed = self._redis.pack_commands(commands)
        self._redis.send_packed_command(packed, check_health=False)
        self._unread.append((queue, wake_ups))

    def _read(self) -> None:
        """Read the answers to the oldest of what was sent."""
        queue, wake_ups = self._unread.popleft()
        length, _, _ = [self._redis.read_response() for _ in range(3)]
        self._waiting[queue] = length - wake_ups


class MessageSender:
    """Sends Celery messages."""

    def __init__(self) -> None:
        self._broker = current_app.connection_for_write()
        self._producer = Producer(self._broker, auto_declare=False)
        self._allowed: dict[str, int] = {}  # may be sent without counting the waiting ones
        self.failures = broker_failures(self._broker)

    def close(self) -> None:
        self._broker.release()

    def send_at_once(self, _queue: str, _wake_ups: int) -> bool:
        return False

    def send_early(self, _queue: str) -> bool:
        return False

    def settle(self) -> None:
        """Each was waited for."""

    def send(self, queue: str, wake_ups: int) -> int:
        """A few are sent on an earlier count, since an idle worker's next task waits for them; when
        those are used up, the next count follows the wake-up."""
        allowed = self._allowed.get(queue, 0)
        if wake_ups > allowed:
            allowed = self._count_allowed(queue)
        sending = min(wake_ups, allowed)
        for _ in range(sending):
            self._publish(queue)
        allowed -= sending
        if sending and not allowed:
            allowed = self._count_allowed(queue)
        # Other processes send too: an old count is good for a few only.
        self._allowed[queue] = min(allowed, _UNCHECKED_WAKE_UPS)
        return sending

    def _count_allowed(self, queue: str) -> int:
        return max(0, MAX_WAKE_UPS - count_waiting_messages(self._broker, queue))

    def _publish(self, queue: str) -> None:
        # The default exchange routes by the queue's name: no binding has to be looked up.
        message = current_app.amqp.as_task_v2(
            uuid(), WAKE_UP_TASK, args=(queue,), expires=EXPIRES_SECONDS, ignore_result=True
        )
        self._producer.publish(
            message.body,
            exchange="",
            routing_key=celery_queue(queue),
            serializer="json",
            headers=message.headers,
            retry=False,
            declare=[Queue(celery_queue(queue))],
            **message.properties,
        )


def count_waiting_messages(broker: Connection, queue: str) -> int:
    """How many wake-ups wait in the queue's Celery queue."""
    try:
        channel = broker.default_channel
        return int(channel.queue_declare(queue=celery_queue(queue), passive=True).message_count)
    except ChannelError:  # it does not exist: in Redis an empty list is no key
        return 0
