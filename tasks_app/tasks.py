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
    """A bell: drain this queue. The queue's name is all that a message can say."""
    global _drainer  # noqa: PLW0603 - one per pool child
    runtime = get_runtime()
    if runtime is None or runtime.slot is None:
        logger.error("A bell was rung outside `manage.py worker`; it is ignored")
        return
    if not NAME.fullmatch(queue):
        logger.warning("A bell names no possible queue: %.100r", queue)
        return
    if _drainer is None:
        _drainer = Drainer(runtime)
    if runtime.node_state.takes_work:
        _drainer.drain(queue)
