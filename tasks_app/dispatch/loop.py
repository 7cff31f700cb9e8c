"""The dispatcher's loop."""

import logging
import signal
import time
from types import FrameType

from django.db import InterfaceError, OperationalError, connections

from controlplane.core.runtime.leader import Leadership
from controlplane.core.runtime.sweeps import Sweep, make_sweeps
from tasks_app.queries.engine_health import DISPATCHER

logger = logging.getLogger(__name__)

PASS_SECONDS = 0.1
_LEAD_SECONDS = 1.0
_REST_SECONDS = 1.0
_BROKEN_SECONDS = 30.0
_CONNECTION_ERRORS = (OperationalError, InterfaceError, OSError)  # the database does not answer


class Dispatcher:
    """Holds the lead and runs the sweeps that are due, until a signal stops it."""

    def __init__(self) -> None:
        self._is_stopping = False
        self._leadership = Leadership(DISPATCHER)
        self._lead_due = 0.0
        self._leads = False
        self._sweeps = make_sweeps()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT. Waits while the database is unreachable."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._is_stopping:
            try:
                self._pass()
            except _CONNECTION_ERRORS as error:
                logger.warning("Dispatcher pass failed: error=%s", error)
                connections.close_all()
                self._lead_due = 0.0
                time.sleep(_REST_SECONDS)
            else:
                time.sleep(PASS_SECONDS)
        if self._leads:
            self._leadership.resign()

    def _pass(self) -> None:
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
