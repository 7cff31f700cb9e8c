"""The thread that talks to the database, so that keys are answered while it waits. It has one
connection, reads a snapshot each interval, and does one job at a time in between."""

import logging
import queue
import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from controlplane.core.errors import DomainError
from controlplane.ops.terminal.snapshot import Snapshot, SnapshotReader

logger = logging.getLogger(__name__)

T = TypeVar("T")
AWAY = "Postgres does not answer"
_FAILED = "The figures cannot be read"


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """What `run` returns goes to `done`, or a sentence to `refused`: both in the main thread."""

    run: Callable[[], T]
    done: Callable[[T], None]
    refused: Callable[[str], None]


class Worker:
    """`changed` is called from the thread when `collect` has something."""

    def __init__(
        self, reader: SnapshotReader, interval: float, changed: Callable[[], None]
    ) -> None:
        self._reader = reader
        self._interval = interval
        self._changed = changed
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        # In the context of the command: the audit log records the door that an action came by.
        run = partial(copy_context().run, self._run)
        self._thread = threading.Thread(target=run, name="top", daemon=True)

    def start(self, show: Callable[[Snapshot], None], fail: Callable[[str], None]) -> None:
        """Read snapshots for `show`; `fail` gets why there is none."""
        self._show, self._fail = show, fail
        self._thread.start()

    def submit(self, job: Job[Any]) -> None:
        """Do this next."""
        self._jobs.put(job)

    def refresh(self) -> None:
        """Read a snapshot now."""
        self._jobs.put(None)

    def collect(self) -> None:
        """In the main thread: hand over what is there."""
        while not self._results.empty():
            self._results.get()()

    def _run(self) -> None:
        while True:
            self._read()
            try:
                job = self._jobs.get(timeout=self._interval)
                while job is not None:
                    self._do(job)
                    job = self._jobs.get_nowait()
            except queue.Empty:
                continue

    def _read(self) -> None:
        try:
            snapshot = self._reader.read()
        except (OperationalError, InterfaceError):
            self._report(lambda: self._fail(AWAY))
            connection.close()
        except (DatabaseError, DomainError) as error:
            reason = f"{_FAILED}: {error}"
            self._report(lambda: self._fail(reason))
            connection.close()
        except Exception as error:
            logger.exception("Snapshot failed")
            reason = f"{_FAILED}: {type(error).__name__}"
            self._report(lambda: self._fail(reason))
        else:
            self._report(lambda: self._show(snapshot))

    def _do(self, job: Job[Any]) -> None:
        try:
            result = job.run()
        except DomainError as error:
            reason = "; ".join([each["message"] for each in error.errors] or [str(error)])
            self._report(lambda: job.refused(reason))
        except DatabaseError as error:
            logger.warning("Database error: %s", error)
            self._report(lambda: job.refused(f"{AWAY}: look whether it was done."))
            connection.close()
        except Exception as error:
            logger.exception("Action failed")
            reason = f"It failed: {type(error).__name__}."
            self._report(lambda: job.refused(reason))
        else:
            self._report(lambda: job.done(result))

    def _report(self, call: Callable[[], None]) -> None:
        self._results.put(call)
        self._changed()
