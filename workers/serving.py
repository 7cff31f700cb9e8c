"""How a pool child waits for work: in a standing job of Celery's pool, and there for an entry in
the lists in Redis that carry wake-ups.

So a wake-up goes from the process that submits a task through Redis to an idle pool child, and
through no other process. Celery sees each child as busy with its standing job. When main has
something else for a child (a plain Celery task, or the end of the worker), it recalls one: that
child ends its standing job, and gets another one afterwards. A wake-up that Redis gives it at that
moment goes back to its list.
"""

import logging
import select
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

from celery import current_app
from django.core.cache import close_caches

from workers.runtime import Runtime, get_runtime
from workers.wake_up_lists import (
    EARLY,
    add_first,
    broker_failures,
    make_withdrawal_list,
    open_redis,
    queue_of_list,
    remove_list,
    wake_up_list,
)

logger = logging.getLogger(__name__)

_ANSWER_SECONDS = 1  # after which Redis answers that there is no wake-up
_LATE_SECONDS = 2.0  # an answer that is later than this does not come
_REST_SECONDS = 1.0  # after a failure
_START_SECONDS = 0.005  # between two looks at a node that takes no work yet
_LOOK_SECONDS = 0.05  # and at one that takes none any more


class Drain(Protocol):
    """Works off a queue. An early wake-up may come before its task is committed."""

    def __call__(self, queue: str, *, is_early: bool = False) -> None: ...


_prepare: Callable[[Runtime], Drain] | None = None
_rehearse: Callable[[], None] | None = None
_drain: Drain | None = None


def register_engine(prepare: Callable[[Runtime], Drain], rehearse: Callable[[], None]) -> None:
    """`prepare` makes a new pool child ready for its first task, and returns what works off a
    queue. `rehearse` uses, once and before any fork, what every child uses. To be called before
    the pool is forked."""
    global _prepare, _rehearse
    _prepare, _rehearse = prepare, rehearse


def rehearse_engine() -> None:
    """Called in main, before it forks anything."""
    if _rehearse is not None:
        _rehearse()


def prepare_child() -> None:
    """Called in a new pool child, before Celery gives it anything to do."""
    global _drain  # noqa: PLW0603 - one for each pool child
    runtime = get_runtime()
    if runtime is None or runtime.slot is None or _prepare is None:
        return
    _drain = _prepare(runtime)
    runtime.slot.mark_warm()


class WakeUps:
    """What one pool child waits for, over a connection of its own."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._recall = runtime.recall
        self._queues: list[str] = []
        self._request: list[bytes] = []  # for these queues, as sent
        self._broker = current_app.connection_for_read()  # it connects when it is used
        self._failures = broker_failures(self._broker)
        self._redis: Any = None
        self._is_waited_for = False  # Redis owes an answer
        self._asked_at = 0.0
        self._withdrawal = make_withdrawal_list()

    def next_one(self) -> tuple[str, bool] | None:
        """The queue of the next wake-up, and whether it is early; None when the standing job has to
        end."""
        node_state = self._runtime.node_state
        while not (self._recall.take() or self._runtime.recycle_reason):
            if not node_state.takes_work:
                self.stop_waiting()
                self._recall.wait(_LOOK_SECONDS)
                continue
            try:
                self._connect()
                if not node_state.is_active:  # a claim would find nothing, and the wake-up be lost
                    self._recall.wait(_START_SECONDS)
                    continue
                received = self._receive()
            except self._failures as error:
                logger.warning("Wake-ups not received: error=%s", error)
                self.close()
                self._recall.wait(_REST_SECONDS)
                continue
            if received is not None:
                return received
        self.stop_waiting()
        return None

    def stop_waiting(self) -> None:
        """Redis gives the next wake-up to somebody else, and gets back one that it gives this child
        at this moment. Where it does not answer, nothing is waited for."""
        is_answering = monotonic() - self._asked_at < _ANSWER_SECONDS + _LATE_SECONDS / 2
        try:
            if self._is_waited_for and is_answering:
                self._withdraw()
        except self._failures as error:
            logger.warning("A wake-up may be lost until the dispatcher repeats it: error=%s", error)
        self.close()

    def close(self) -> None:
        if self._redis is not None:
            self._broker.release()
            self._broker = current_app.connection_for_read()
        self._redis = None
        self._is_waited_for = False

    def _connect(self) -> None:
        if self._redis is None:
            self._redis = open_redis(self._broker)

    def _withdraw(self) -> None:
        """Redis answers the request: with a wake-up, or with what is put into the child's own list.
        A connection that only ends may be given a wake-up before Redis has seen its end."""
        other = open_redis(self._broker)
        add_first(other, self._withdrawal, "")
        answer = self._redis.read_response()
        if answer is not None and answer[0].decode() != self._withdrawal:
            add_first(other, answer[0].decode(), answer[1].decode())
        remove_list(other, self._withdrawal)

    def _receive(self) -> tuple[str, bool] | None:
        """None when there is something else to look at."""
        if not self._is_waited_for:
            self._ask()
        if not self._await_answer():
            return None
        answer = self._redis.read_response()
        self._is_waited_for = False
        if answer is None:
            return None
        queue = queue_of_list(answer[0].decode())
        self._put_last(queue)
        return queue, answer[1].decode() == EARLY

    def _ask(self) -> None:
        served = self._runtime.read_served_queues()
        if set(served) != set(self._queues):
            self._queues, self._request = served, []
        if not self._request:
            lists = [*map(wake_up_list, self._queues), self._withdrawal]
            self._request = self._redis.pack_command("BRPOP", *lists, _ANSWER_SECONDS)
        self._redis.send_packed_command(self._request, check_health=False)
        self._is_waited_for, self._asked_at = True, monotonic()

    def _await_answer(self) -> bool:
        """Whether Redis has answered; False when this child is recalled."""
        poll = select.poll()
        poll.register(self._redis._sock, select.POLLIN)
        poll.register(self._recall.fileno(), select.POLLIN)
        ready = {fd for fd, _ in poll.poll((_ANSWER_SECONDS + _LATE_SECONDS) * 1000)}
        if not ready:
            raise TimeoutError("Redis does not answer")
        return self._recall.fileno() not in ready

    def _put_last(self, queue: str) -> None:
        """Redis looks at the lists in the order of the request: one that always has wake-ups must
        not keep the others from being served."""
        if queue in self._queues[:-1]:
            self._queues.remove(queue)
            self._queues.append(queue)
            self._request = []


_wake_ups: WakeUps | None = None


def serve() -> None:
    """The standing job: work off the queues that wake-ups name, until this child is recalled."""
    global _wake_ups  # noqa: PLW0603 - one for each pool child
    runtime = get_runtime()
    assert runtime is not None  # noqa: S101 - set before the fork
    assert _drain is not None  # noqa: S101 - set by prepare_child
    if _wake_ups is None:
        _wake_ups = WakeUps(runtime)
    while (received := _wake_ups.next_one()) is not None:
        queue, is_early = received
        _drain(queue, is_early=is_early)
        close_caches()  # as Celery does after each task
