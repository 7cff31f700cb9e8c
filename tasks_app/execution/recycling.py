"""Decides when a pool child is replaced by a new one."""

import logging
from collections.abc import Iterable
from time import monotonic

from django.conf import settings

from tasks_app.rows import Outcome
from tasks_app.states import AttemptOutcome
from workers.runtime import Runtime

logger = logging.getLogger(__name__)

_FAILED = AttemptOutcome.FAILED.value
_SUCCEEDED = AttemptOutcome.SUCCEEDED.value
_AGE_SECONDS = 60.0  # of a child that has never succeeded, before failures may replace it


class Recycling:
    """Counts what a pool child ran, and decides when it has to be replaced: after a number of
    tasks, after a number of failures in a row, or on request.

    Failures in a row say that the process may be damaged in a way that no check finds. A child that
    has failed from its very start is not replaced at once, since the next one would fail as well.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tasks_limit: int = settings.TASKPLANE["WORKER_RECYCLE_AFTER_TASKS"]
        self._failures_limit: int = settings.TASKPLANE["WORKER_RECYCLE_AFTER_FAILURES"]
        self._tasks = 0
        self._failures = 0
        self._has_succeeded = False
        self._began = monotonic()

    @property
    def is_due(self) -> bool:
        """Whether the child ends when it holds no rows."""
        return bool(self._runtime.recycle_reason)

    def request(self, reason: str) -> None:
        """Have this child replaced after its present rows."""
        if not self.is_due:
            self._runtime.recycle_reason = reason
            logger.warning("Pool child replaced: reason=%s", reason)

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Count the outcomes."""
        for outcome in outcomes:
            self._tasks += 1
            if outcome.outcome == _FAILED:
                self._failures += 1
            elif outcome.outcome == _SUCCEEDED:
                self._failures = 0
                self._has_succeeded = True
        if self._tasks_limit and self._tasks >= self._tasks_limit:
            self.request(f"it has run {self._tasks} tasks")
        elif (
            self._failures_limit
            and self._failures >= self._failures_limit
            and (self._has_succeeded or monotonic() - self._began > _AGE_SECONDS)
        ):
            self.request(f"{self._failures} tasks in a row have failed in it")
