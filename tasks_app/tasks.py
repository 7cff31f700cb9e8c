"""Celery shells."""

import logging

from celery import shared_task

from tasks_app.execution.drain import Drainer
from tasks_app.queues import NAME, WAKE_UP_TASK
from workers.runtime import get_runtime

logger = logging.getLogger(__name__)

_drainer: Drainer | None = None


@shared_task(name=WAKE_UP_TASK, ignore_result=True)
def drain(queue: str) -> None:
    """A wake-up: drain this queue. A message carries only the queue's name."""
    global _drainer  # noqa: PLW0603 - one per pool child
    runtime = get_runtime()
    if runtime is None or runtime.slot is None:
        logger.error("Wake-up ignored: reason=not a worker of `manage.py worker`")
        return
    if not NAME.fullmatch(queue):
        logger.warning("Wake-up ignored: reason=invalid queue name, queue=%.100r", queue)
        return
    if _drainer is None:
        _drainer = Drainer(runtime)
    if runtime.node_state.takes_work:
        _drainer.drain(queue)
