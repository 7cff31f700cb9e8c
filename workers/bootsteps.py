"""Extra work of the worker's main process, in Celery's event loop."""

import logging
import time
from typing import Any

from celery import bootsteps
from kombu import Consumer

from workers.canary import canary_queue
from workers.runtime import get_runtime

logger = logging.getLogger(__name__)

_REFRESH_SECONDS = 1.0
_MAX_NAMED = 10  # queues in one line of the log


class CanaryStep(bootsteps.ConsumerStep):
    """Receives the worker's own canaries."""

    requires = ("celery.worker.consumer:Tasks",)

    def get_consumers(self, channel: Any) -> list[Consumer]:
        runtime = get_runtime()
        if runtime is None:
            return []
        node_state = runtime.node_state

        def came_back(_body: Any, message: Any) -> None:
            node_state.canary_received_at = time.monotonic()
            message.ack()

        queue = canary_queue(runtime.name)
        return [Consumer(channel, queues=[queue], callbacks=[came_back], accept=["json"])]


class QueuesStep(bootsteps.StartStopStep):
    """Consumes queues that were created after the worker started. The agent, which may read
    the database, leaves their names in a file."""

    requires = ("celery.worker.consumer:Tasks",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        if parent.timer is not None:
            self._timer = parent.timer.call_repeatedly(
                _REFRESH_SECONDS, self._refresh, (parent,), priority=10
            )

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refresh(self, parent: Any) -> None:
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


class AgentStep(bootsteps.StartStopStep):
    """Keeps the agent alive: `keep` looks after it, once a second."""

    requires = ("celery.worker.consumer:Tasks",)
    keep: Any = None

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        if parent.timer is not None and self.keep is not None:
            self._timer = parent.timer.call_repeatedly(_REFRESH_SECONDS, type(self).keep)

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
