"""The process of the autoscaler: it runs the control loop for as long as it leads."""

import logging
import signal
import time
from types import FrameType

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from controlplane.core.runtime.leader import Leadership
from controlplane.core.runtime.pulse import Pulse
from controlplane.core.schemaversion import SchemaWatch
from scaling.control_loop import ControlLoop
from scaling.fleet import Fleet, make_fleet
from scaling.queries.pool import AUTOSCALER

logger = logging.getLogger(__name__)

# Longer than a back-end may take for one call, or another process would take over during it.
LEADER_TTL_SECONDS = 15.0
_PASS_SECONDS = 0.5
_LEAD_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_BROKEN_SECONDS = 10.0
_AWAY = (OperationalError, InterfaceError, OSError)  # the database does not answer


class Autoscaler:
    """Holds the lead and runs the loop, until it is stopped."""

    def __init__(self, fleet: Fleet | None = None) -> None:
        self._leadership = Leadership(AUTOSCALER, ttl_seconds=LEADER_TTL_SECONDS)
        self._loop = ControlLoop(
            fleet or make_fleet(settings.TASKPLANE_SCALING["BACKEND"]), self._leadership
        )
        self._is_stopping = False
        self._lead_due = 0.0
        self._leads = False
        self._pulse = Pulse("autoscaler")
        self._schema = SchemaWatch("autoscaler")

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; wait while the database is unavailable, or its schema is
        older than this release."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._is_stopping:
            self._pulse.beat()
            time.sleep(self.run_pass())
        self.end()

    def end(self) -> None:
        """Close the fleet, and let another process lead at once."""
        try:
            self._loop.end(leads=self._leads)
            if self._leads:
                self._leadership.resign()
        except _AWAY as error:
            logger.warning("Autoscaler not ended cleanly: error=%s", error)

    def run_pass(self) -> float:
        """Make one pass. Returns for how many seconds to sleep."""
        try:
            if not self._schema.is_ready():
                return _RETRY_SECONDS
            moment = time.monotonic()
            if moment >= self._lead_due:
                self._leads = self._leadership.hold()
                self._lead_due = moment + _LEAD_SECONDS
            if self._leads:
                self._loop.run_once()
        except _AWAY as error:
            logger.warning(
                "Autoscaler pass failed: retry_seconds=%s error=%s", _RETRY_SECONDS, error
            )
            connections.close_all()
            self._lead_due = 0.0
            return _RETRY_SECONDS
        except Exception:
            # Any error: a fleet without its autoscaler is worse than one that is late.
            logger.exception("Autoscaler pass failed: retry_seconds=%s", _BROKEN_SECONDS)
            return _BROKEN_SECONDS
        return _PASS_SECONDS

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._is_stopping = True
