"""What the log says while the layer between processes waits for Redis."""

import logging
import time

_EVERY_SECONDS = 30.0


class OutageFilter(logging.Filter):
    """Channels reports once a second, with its traceback, that Redis does not answer: one line in
    half a minute is enough."""

    def __init__(self) -> None:
        super().__init__()
        self._reported_at = -_EVERY_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, OSError | TimeoutError) and "redis" not in type(error).__module__:
            return True
        at = time.monotonic()
        if at - self._reported_at < _EVERY_SECONDS:
            return False
        self._reported_at = at
        record.msg, record.args = "Live updates wait for Redis: error=%s", (error,)
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
