"""Log lines while a screen is drawn: they would tear it, so they are written when it has gone."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_MAX_KEPT = 20


class _Recorder(logging.Handler):
    """Keeps the newest line of each kind, and the kinds that came last."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, logging.LogRecord] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.pop(str(record.msg), None)
        self.kept[str(record.msg)] = record
        while len(self.kept) > _MAX_KEPT:
            del self.kept[next(iter(self.kept))]


@contextmanager
def record_logs() -> Iterator[None]:
    """Nothing is logged until the end; then the newest lines are."""
    root = logging.getLogger()
    recorder, handlers = _Recorder(), root.handlers[:]
    root.handlers[:] = [recorder]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for record in recorder.kept.values():
            root.handle(record)
