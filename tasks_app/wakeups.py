"""Wake-ups: the Celery messages that make a worker query Postgres. Requesting one never fails and
never blocks the caller: a thread sends it. A wake-up that is lost is sent again by the dispatcher,
which reads from Postgres which queues have work.
"""

import atexit
import logging
import os
import threading
import time

from celery import current_app
from celery.utils import uuid
from django.conf import settings
from kombu import Connection, Producer, Queue
from kombu.exceptions import ChannelError
from kombu.exceptions import OperationalError as BrokerError

from tasks_app.queues import WAKE_UP_TASK
from workers.naming import celery_queue

logger = logging.getLogger(__name__)

MAX_WAKE_UPS = 16  # waiting wake-ups that are enough for a queue: each wakes one slot
_EXPIRES_SECONDS = 60
_UNCHECKED_WAKE_UPS = 4  # of a process and queue, sent since it last counted the waiting ones
_ENOUGH_SECONDS = 0.02
_REST_SECONDS = 1.0  # after a failure
_FLUSH_SECONDS = 2.0


class Notifier:
    """The queues to notify of one process, and the thread that sends the wake-ups."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._condition = threading.Condition()
        self._notes: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._is_sending = False

    def notify(self, queue: str, wake_ups: int) -> None:
        """Request up to `wake_ups` wake-ups for `queue`."""
        if self._notes.get(queue, 0) >= MAX_WAKE_UPS:
            return  # those will be sent after what the caller has just committed
        with self._condition:
            self._notes[queue] = min(MAX_WAKE_UPS, self._notes.get(queue, 0) + wake_ups)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)
                self._thread.start()
            self._condition.notify_all()

    def flush(self, timeout: float = _FLUSH_SECONDS) -> bool:
        """Wait until all wake-ups are sent or dropped; False when it took too long."""
        with self._condition:
            return self._condition.wait_for(
                lambda: not self._notes and not self._is_sending, timeout
            )

    def _work(self) -> None:
        sender = WakeUpSender()
        while True:
            with self._condition:
                self._condition.wait_for(lambda: bool(self._notes))
                notes, self._notes = self._notes, {}
                self._is_sending = True
            rest = 0.0
            try:
                sent = sum(sender.send(queue, wake_ups) for queue, wake_ups in notes.items())
                # Where enough wake-ups wait, no queue is urgent.
                rest = 0.0 if sent else _ENOUGH_SECONDS
            except sender.failures as error:
                logger.warning("Wake-ups not sent: queues=%s error=%s", ",".join(notes), error)
                sender.close()
                sender = WakeUpSender()
                rest = _REST_SECONDS
            self._done()
            time.sleep(rest)

    def _done(self) -> None:
        with self._condition:
            self._is_sending = False
            self._condition.notify_all()


class WakeUpSender:
    """Sends wake-ups through one connection to the broker."""

    def __init__(self) -> None:
        self._connection = current_app.connection_for_write()
        self._producer = Producer(self._connection, auto_declare=False)
        self._allowed: dict[str, int] = {}  # may be sent without counting the waiting ones
        # A Redis that is full or read-only refuses with an error of the channel.
        self.failures = (
            BrokerError,
            OSError,
            *self._connection.connection_errors,
            *self._connection.channel_errors,
        )

    def close(self) -> None:
        self._connection.release()

    def send(self, queue: str, wake_ups: int) -> int:
        """Send up to `wake_ups`, unless enough wait already. Returns how many were sent.

        A few are sent on an earlier count, since an idle worker's next task waits for them; when
        those are used up, the next count follows the wake-up. Raises the transport's errors.
        """
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
        return max(0, MAX_WAKE_UPS - count_waiting_wake_ups(self._connection, queue))

    def _publish(self, queue: str) -> None:
        # The default exchange routes by the queue's name: no binding has to be looked up.
        message = current_app.amqp.as_task_v2(
            uuid(), WAKE_UP_TASK, args=(queue,), expires=_EXPIRES_SECONDS, ignore_result=True
        )
        self._producer.publish(
            message.body,
            exchange="",
            routing_key=celery_queue(queue),
            serializer="json",
            headers=message.headers,
            retry=False,
            declare=[] if settings.BROKER_IS_REDIS else [Queue(celery_queue(queue))],
            **message.properties,
        )


def count_waiting_wake_ups(connection: Connection, queue: str) -> int:
    """How many wake-ups wait in the queue's Celery queue."""
    try:
        channel = connection.default_channel
        return int(channel.queue_declare(queue=celery_queue(queue), passive=True).message_count)
    except ChannelError:  # it does not exist: in Redis an empty list is no key
        return 0


_notifier = Notifier()


def notify_workers(queue: str, wake_ups: int = 1) -> None:
    """Wake up to `wake_ups` slots for a queue. Returns at once."""
    _notifier.notify(queue, wake_ups)


def flush() -> bool:
    """Wait a little until pending wake-ups are sent: for short-lived commands."""
    return _notifier.flush()


atexit.register(flush)
