"""Ways to end an attempt other than returning a result or raising an error.

Which of these are errors is chosen so that an ordinary `except Exception` in a handler does the
right thing:

* `Fail` is an `Exception`: it *is* the handler's error, only one that a retry cannot help.
* `RetryLater` and `Snooze` are `BaseException`s: they say that the work is not done. Swallowed,
  the handler would return normally and the task be recorded as COMPLETED without its work.
* `TaskCancelled` and `TaskTimedOut` are `BaseException`s: they arrive at any line of the handler,
  so every `except Exception` around a loop body would make the task impossible to stop.

`finally` blocks and context managers (`transaction.atomic()` included, which rolls back) see all
of them.
"""

import math

MAX_DELAY_SECONDS = 30 * 24 * 3_600.0


class Fail(Exception):  # noqa: N818 - reads as what is done: raise Fail
    """The task fails for good: no retry, whatever attempts are left. `reason` is for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _ComeBack(BaseException):
    def __init__(self, delay_seconds: float, reason: str = "") -> None:
        if not (math.isfinite(delay_seconds) and 0 <= delay_seconds <= MAX_DELAY_SECONDS):
            raise ValueError(
                f"A task may come back after 0 to {MAX_DELAY_SECONDS:.0f} seconds (30 days): "
                f"not {delay_seconds!r}."
            )
        super().__init__(reason or f"{type(self).__name__} in {delay_seconds:g} s")
        self.delay_seconds = float(delay_seconds)
        self.reason = reason


class RetryLater(_ComeBack):
    """The attempt failed; the next one, if any is left, starts after `delay_seconds`.

    Raises ValueError when the delay is negative, not a number or above 30 days.
    """


class Snooze(_ComeBack):
    """Not now: run again after `delay_seconds`, without using up an attempt.

    Raises ValueError when the delay is negative, not a number or above 30 days.
    """


class TaskCancelled(BaseException):
    """Raised into a running handler when its task was cancelled. Clean up and let it pass."""


class TaskTimedOut(BaseException):
    """Raised into a running handler whose `timeout_seconds` are over. Clean up and let it pass."""
