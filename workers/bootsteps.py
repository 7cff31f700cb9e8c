"""What the worker adds to Celery: steps in the event loop of its main process, and its pool."""

import logging
import time
from typing import Any

from billiard import pool
from celery import bootsteps
from celery.concurrency import asynpool, prefork
from celery.worker.consumer import Consumer
from kombu import Consumer as MessageConsumer

from workers.canary import canary_queue
from workers.runtime import get_runtime
from workers.serving import prepare_child, serve

logger = logging.getLogger(__name__)

_REFRESH_SECONDS = 1.0
_MAX_NAMED = 10  # queues in one line of the log
_RESULT_READ_SECONDS = 1.0


class CanaryStep(bootsteps.ConsumerStep):
    """Receives the worker's own canaries."""

    requires = ("celery.worker.consumer:Tasks",)

    def get_consumers(self, channel: Any) -> list[MessageConsumer]:
        runtime = get_runtime()
        if runtime is None:
            return []
        node_state = runtime.node_state

        def came_back(_body: Any, message: Any) -> None:
            node_state.canary_received_at = time.monotonic()
            message.ack()

        queue = canary_queue(runtime.name)
        return [MessageConsumer(channel, queues=[queue], callbacks=[came_back], accept=["json"])]


class _TimedStep(bootsteps.StartStopStep):
    """Calls `run` once a second in the event loop."""

    requires = ("celery.worker.consumer:Tasks",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        if parent.timer is not None:
            self._timer = parent.timer.call_repeatedly(_REFRESH_SECONDS, self.run, (parent,))

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class QueuesStep(_TimedStep):
    """Consumes queues that were created after the worker started. The agent, which may read
    the database, leaves their names in a file."""

    def run(self, parent: Any) -> None:
        runtime = get_runtime()
        if runtime is None:
            return
        queues = parent.app.amqp.queues
        new = [name for name in runtime.read_queues() if name not in queues.consume_from]
        if not new:
            return
        logger.info("Queues added: count=%d names=%s", len(new), ",".join(new[:_MAX_NAMED]))
        consumer = parent.task_consumer
        for name in new:
            consumer.add_queue(queues.select_add(name, exchange=name, exchange_type="direct"))
        consumer.consume()  # once: it goes over all queues, and as many may be new


class CompanionsStep(_TimedStep):
    """Keeps the agent and a dispatcher alive: `keep` looks after them."""

    keep: Any = None

    def run(self, parent: Any) -> None:
        self.look()

    @classmethod
    def look(cls) -> None:
        if cls.keep is not None:
            cls.keep()


class CaringConsumer(Consumer):
    """Looks after the companions also while the broker does not answer and no event loop runs."""

    def ensure_connected(self, conn: Any) -> Any:
        ensure = conn.ensure_connection

        def ensure_connection(*args: Any, callback: Any, **options: Any) -> Any:
            def wait() -> None:  # called once a second
                callback()
                CompanionsStep.look()

            return ensure(*args, callback=wait, **options)

        conn.ensure_connection = ensure_connection
        return super().ensure_connected(conn)


class ServingStep(_TimedStep):
    """Has every pool child wait for wake-ups while it has nothing else to do."""

    def start(self, parent: Any) -> None:
        super().start(parent)
        parent.timer.call_after(0, self.run, (parent,))

    def run(self, parent: Any) -> None:
        parent.pool.fill()


class _UntilRecycled:
    """Stands in for billiard's number of jobs after which a child ends, which is compared with the
    number of jobs done: not reached until the child asks to be replaced, and then at once."""

    def __bool__(self) -> bool:
        return True

    def __gt__(self, _done: object) -> bool:
        runtime = get_runtime()
        return runtime is None or not runtime.recycle_reason

    def __eq__(self, _done: object) -> bool:
        return not self > 0

    __hash__ = None  # type: ignore[assignment]


class SlotProcess(asynpool.Worker):
    """A pool child that ends after the wake-up in which it asked to be replaced. Its parent starts
    another, as after `worker_max_tasks_per_child`."""

    def on_loop_start(self, pid: int) -> None:
        # Before it reports to its parent, and after Celery has set its signal handlers.
        prepare_child()
        super().on_loop_start(pid)

    def workloop(self, *args: Any, **kwargs: Any) -> Any:
        self.maxtasks = _UntilRecycled()
        return super().workloop(*args, **kwargs)


class _SlotPool(asynpool.AsynPool):
    Worker = SlotProcess


class _ServingPool(_SlotPool):
    """A pool whose children have standing jobs."""

    _hub: Any = None

    def register_with_event_loop(self, hub: Any) -> None:
        super().register_with_event_loop(hub)
        self._hub = hub

    def fill(self) -> None:
        """Give a standing job to each child that has no other. `_cache` has the unfinished jobs."""
        runtime = get_runtime()
        if runtime is None or runtime.node_state.stopping_since or self._state != pool.RUN:
            return
        while len(self._cache) < self._processes:
            self.apply_async(serve, waitforslot=False, error_callback=_log_failure)

    def on_job_ready(self, job: Any, i: Any, result: Any, fd: int) -> None:
        super().on_job_ready(job, i, result, fd)
        # Later, since this job still counts as unfinished; after a failure, a second later.
        if result[0] and self._hub is not None:
            self._hub.call_soon(self.fill)


def _log_failure(failure: Any) -> None:
    logger.warning("Standing job ended: error=%s", failure.exception)


class TaskPool(prefork.TaskPool):
    """Named in `manage.py worker`."""

    Pool = _SlotPool


class ServingTaskPool(TaskPool):
    """As `TaskPool`, where the broker is Redis."""

    Pool = _ServingPool

    def fill(self) -> None:
        self._pool.fill()

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """A plain Celery task goes to the child that ends its standing job for it."""
        job = super().apply_async(*args, **kwargs)
        runtime = get_runtime()
        if runtime is not None:
            runtime.recall.request()
        return job


def bound_last_results() -> None:
    """Let a pool child that ends wait for a second, not 30, until its parent has read its results.

    A parent that stops forgets the wake-ups that it handed out and no child has acknowledged yet,
    and reads nothing more once it knows of no other: a child that had just taken such a wake-up
    would outlast every grace. Nothing is lost by it, since what a child did is in Postgres. Called
    before the pool is forked.
    """
    interval: float = pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = round(_RESULT_READ_SECONDS / interval)
