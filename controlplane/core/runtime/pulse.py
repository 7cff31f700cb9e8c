"""Whether the loop of a process without a port still turns: it touches a file, and a probe compares
the file's age, without starting Django (docker/healthcheck.py).
"""

import logging
import time
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0


class Pulse:
    """The file of one component, `<component>.pulse` in the folder of state files. Processes of the
    same component on one host share it."""

    def __init__(self, component: str) -> None:
        self._file: Path | None = settings.TASKPLANE["STATE_DIR"] / f"{component}.pulse"
        self._due = 0.0

    def beat(self) -> None:
        """Called in each turn of the loop. A file that cannot be written is reported once: the work
        goes on without it."""
        moment = time.monotonic()
        if self._file is None or moment < self._due:
            return
        self._due = moment + _EVERY_SECONDS
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()
        except OSError as error:
            logger.warning("Pulse not written: file=%s error=%s", self._file, error)
            self._file = None
