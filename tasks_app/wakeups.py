"""Wake-ups make an idle worker query Postgres. Requesting one never fails and never blocks the
caller. A wake-up that is lost is sent again by the dispatcher, which reads from Postgres which
queues have work.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable

from tasks_app.wakeup_senders import MAX_WAKE_UPS, WakeUpSender, make_sender
from workers.wake_up_lists import EARLY_SECONDS

logger = logging.getLogger(__name__)

_ENOUGH_SECONDS = 0.02
_REST_SECONDS = 1.0  # after a failure
_FLUSH_SECONDS = 2.0
_LATE_REST_SECONDS = 1.0  # without early wake-ups, after one that was too early


class Notifier:
    """Sends the wake-ups of one process: at once, while the broker's connection is open and
    answers; otherwise by a thread, which also connects."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._condition = threading.Condition()
        self._notes: dict[str, int] = {}  # the queues that are left to the thread
        self._thread: threading.Thread | None = None
        self._is_sending = False
        self._sender: WakeUpSender | None = None  # while the thread does not use it
        self._early_from = 0.0

    def notify(self, queue: str, wake_ups: int) -> None:
        """Request up to `wake_ups` wake-ups for `queue`."""
        if self._notes.get(queue, 0) >= MAX_WAKE_UPS:
            return  # those will be sent after what the caller has just committed
        with self._condition:
            if queue not in self._notes and self._send(lambda to: to.send_at_once(queue, wake_ups)):
                return
            self._notes[queue] = min(MAX_WAKE_UPS, self._notes.get(queue, 0) + wake_ups)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)
                self._thread.start()
            self._condition.notify_all()

    def notify_early(self, queue: str) -> bool:
        """Request a wake-up for a task whose commit is under way. False: it was not sent."""
        if queue in self._notes or time.monotonic() < self._early_from:
            return False  # the thread has it, or it would be too early
        with self._condition:
            return queue not in self._notes and self._send(lambda to: to.send_early(queue))

    def rest_early(self) -> None:
        """Send no early wake-ups for a while: commits take too long for them."""
        self._early_from = time.monotonic() + _LATE_REST_SECONDS

    def flush(self, timeout: float = _FLUSH_SECONDS) -> bool:
        """Wait until all wake-ups are sent or dropped; False when it took too long."""
        with self._condition:
            has_ended = self._condition.wait_for(
                lambda: not self._notes and not self._is_sending, timeout
            )
            if has_ended:
                self._send(_settle)
            return has_ended

    def _send(self, send: Callable[[WakeUpSender], bool]) -> bool:
        sender, self._sender = self._sender, None
        if sender is None:
            return False
        try:
            sent = send(sender)
        except sender.failures as error:
            logger.warning("Wake-ups not sent: error=%s", error)
            sender.close()
            return False
        self._sender = sender  # not after an interruption: who knows what it has read
        return sent

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: bool(self._notes))
                notes, self._notes = self._notes, {}
                self._is_sending = True
                sender, self._sender = self._sender or make_sender(), None
            rest = 0.0
            try:
                sent = sum(sender.send(queue, wake_ups) for queue, wake_ups in notes.items())
                # Where enough wake-ups wait, no queue is urgent.
                rest = 0.0 if sent else _ENOUGH_SECONDS
                self._done(sender)
            except sender.failures as error:
                logger.warning("Wake-ups not sent: queues=%s error=%s", ",".join(notes), error)
                sender.close()
                rest = _REST_SECONDS
                self._done(None)
            time.sleep(rest)

    def _done(self, sender: WakeUpSender | None) -> None:
        with self._condition:
            self._sender = sender
            self._is_sending = False
            self._condition.notify_all()


def _settle(sender: WakeUpSender) -> bool:
    sender.settle()
    return True


_notifier = Notifier()


def notify_workers(queue: str, wake_ups: int = 1) -> None:
    """Wake up to `wake_ups` slots for a queue. Returns at once."""
    _notifier.notify(queue, wake_ups)


class EarlyWakeUp:
    """The wake-up for one task, sent beside its commit: a slot is awake when it is there."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._sent_at: float | None = None

    def send(self) -> None:
        """Called when the statement that commits is on its way."""
        now = time.monotonic()
        try:
            if _notifier.notify_early(self._queue):
                self._sent_at = now
        except Exception:
            # The statement goes on, and its answer has to be read.
            logger.exception("Early wake-up not sent: queue=%s", self._queue)

    def is_enough(self) -> bool:
        """After the commit: whether the slot that it wakes finds the task."""
        if self._sent_at is None:
            return False
        if time.monotonic() - self._sent_at < EARLY_SECONDS:
            return True
        _notifier.rest_early()
        return False


def flush() -> bool:
    """Wait a little until pending wake-ups are sent: for short-lived commands."""
    return _notifier.flush()


atexit.register(flush)
