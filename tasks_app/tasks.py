"""Celery shells."""

import logging

from celery import shared_task

from tasks_app.execution.drain import Drainer
from tasks_app.execution.warm_up import rehearse, warm_up
from tasks_app.queues import NAME, WAKE_UP_TASK
from workers.companions import WorkUntil, register_dispatcher
from workers.runtime import Runtime
from workers.serving import Drain, register_engine

logger = logging.getLogger(__name__)

_drain: Drain | None = None  # of this pool child


@shared_task(name=WAKE_UP_TASK, ignore_result=True)
def drain(queue: str) -> None:
    """A wake-up: drain this queue. A message carries only the queue's name."""
    if _drain is None:
        logger.error("Wake-up ignored: reason=not a worker of `manage.py worker`")
        return
    _drain(queue)


def _prepare(runtime: Runtime) -> Drain:
    """The engine of a new pool child."""
    global _drain  # noqa: PLW0603 - one for each pool child
    drainer = Drainer(runtime)
    warm_up()

    def drain_queue(queue: str, *, is_early: bool = False) -> None:
        if not NAME.fullmatch(queue):
            logger.warning("Wake-up ignored: reason=invalid queue name, queue=%.100r", queue)
        elif runtime.node_state.takes_work:
            drainer.drain(queue, is_early=is_early)

    _drain = drain_queue
    return drain_queue


def _prepare_dispatcher() -> WorkUntil:
    # Sweeps are a third of all there is to import, and most workers run none.
    from controlplane.core.runtime.sweeps import discover
    from tasks_app.dispatch import Dispatcher

    discover()
    return lambda is_over: Dispatcher().work_until(is_over)


register_engine(_prepare, rehearse)
register_dispatcher(_prepare_dispatcher)
