"""The dispatcher: its loop, and the sweeps of tasks, each a bounded, guarded batch that is safe to
run twice.
"""

import logging
import signal
import time
from collections.abc import Callable
from types import FrameType

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from controlplane.core.runtime.leader import Leadership
from controlplane.core.runtime.pulse import Pulse
from controlplane.core.runtime.sweeps import Sweep, make_sweeps
from controlplane.core.schemaversion import SchemaWatch
from tasks_app import services
from tasks_app.queries import list_nodes_holding_tasks, list_queues_with_ready_tasks
from tasks_app.queries.engine_health import DISPATCHER
from tasks_app.services.rescue import rescue_node
from tasks_app.wakeups import notify_workers
from workers.queries import list_ended_ids
from workers.services import LossDetector

logger = logging.getLogger(__name__)

_PASS_SECONDS = 0.1
_LEAD_SECONDS = 1.0
_REST_SECONDS = 1.0
_BROKEN_SECONDS = 30.0
_PROMOTED_AT_ONCE = 1_000
_CONNECTION_ERRORS = (OperationalError, InterfaceError, OSError)  # the database does not answer


class Dispatcher:
    """Holds the lead and runs the sweeps that are due, until it is stopped."""

    def __init__(self) -> None:
        self._is_stopping = False
        self._leadership = Leadership(DISPATCHER)
        self._lead_due = 0.0
        self._leads = False
        self._sweeps = make_sweeps()
        self._pulse = Pulse("dispatcher")
        self._schema = SchemaWatch("dispatcher")

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self.work_until(lambda: self._is_stopping)

    def work_until(self, is_over: Callable[[], bool]) -> None:
        """Work until `is_over`. Waits while the database is unreachable, or its schema is older
        than this release."""
        while not is_over():
            self._pulse.beat()
            try:
                self._pass()
            except _CONNECTION_ERRORS as error:
                logger.warning("Dispatcher pass failed: error=%s", error)
                connections.close_all()
                self._lead_due = 0.0
                time.sleep(_REST_SECONDS)
            else:
                time.sleep(_PASS_SECONDS)
        self._resign()

    def _resign(self) -> None:
        """Let another process lead at once; without the database it does so a lease later."""
        try:
            if self._leads:
                self._leadership.resign()
        except _CONNECTION_ERRORS as error:
            logger.warning("Dispatcher not ended cleanly: error=%s", error)

    def _pass(self) -> None:
        if not self._schema.is_ready():
            return
        now = time.monotonic()
        if now >= self._lead_due:
            self._leads = self._leadership.hold()
            self._lead_due = now + _LEAD_SECONDS
        if self._leads:
            for sweep in self._sweeps:
                if now >= sweep.due:
                    self._sweep(sweep)

    def _sweep(self, sweep: Sweep) -> None:
        try:
            more = sweep.run()
        except _CONNECTION_ERRORS:
            raise
        except Exception:
            # One broken sweep must not keep the others from their work.
            logger.exception("Sweep failed: name=%s retry_seconds=%d", sweep.name, _BROKEN_SECONDS)
            sweep.due = time.monotonic() + _BROKEN_SECONDS
            return
        sweep.due = time.monotonic() + (0 if more else sweep.every_seconds)

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._is_stopping = True


def promote() -> bool:
    """Make SCHEDULED and RETRYING tasks PENDING whose time has come: one batch."""
    promoted = services.promote_due(limit=_PROMOTED_AT_ONCE)
    for queue, count in promoted.items():
        notify_workers(queue, wake_ups=count)
    return sum(promoted.values()) >= _PROMOTED_AT_ONCE


def wake() -> bool:
    """Send wake-ups for every queue with ready work, since Redis may have lost those that were
    sent. A queue with waiting wake-ups gets no more."""
    for queue, ready in list_queues_with_ready_tasks().items():
        notify_workers(queue, wake_ups=ready)
    return False


def rescue_interval_seconds() -> float:
    """Seconds between two checks. The detector treats half a lease without a check as an outage,
    and starts its periods again, so the checks must be much more frequent."""
    lease_seconds: float = settings.TASKPLANE["LEASE_SECONDS"]
    return min(1.0, lease_seconds / 8)


def make_rescue() -> Callable[[], bool]:
    """A sweep that takes back the tasks of lost nodes. It has its own detector, so that each
    dispatcher trusts only its own clock."""
    detector = LossDetector()

    def rescue() -> bool:
        detector.check()
        # A node may have ended between its last claim's check and that claim's commit.
        ended = list_ended_ids(list_nodes_holding_tasks())
        return sum(rescue_node(node_id) for node_id in ended) > 0

    return rescue


def prune() -> bool:
    """Remove rows that are older than their retention: one batch of each kind."""
    return sum(services.prune_everything().values()) > 0
