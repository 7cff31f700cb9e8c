"""Time-outs and interrupts of a sync handler, by signals to the process it runs in.

SIGALRM comes from the child's own timer at the time-out; SIGUSR2 from the node's agent, which has
noted in the slot row what it wants. Both raise only while a handler runs. A handler that swallows
the exception is told again every second, until the agent kills the child after the grace.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tasks_app.processors.outcomes import TaskCancelled, TaskTimedOut
from workers.slots import Ask, Slot

_REPEAT_SECONDS = 1.0


class TaskInterrupted(BaseException):
    """Raised into a running handler when its worker must stop, or no longer holds its lease. The
    task runs again elsewhere; the attempt does not count."""


class Interrupts:
    """The signal handlers of one pool child. `install` once, in the main thread."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._index = -1  # the slot row whose handler runs; -1 outside handlers

    def install(self) -> None:
        signal.signal(signal.SIGALRM, self._on_alarm)
        signal.signal(signal.SIGUSR2, self._on_ask)

    @contextmanager
    def handling(self, index: int, timeout_seconds: float) -> Iterator[None]:
        """Let signals reach the handler in this block. May raise TaskTimedOut, TaskCancelled or
        TaskInterrupted even from its own last line, so catch around it."""
        try:
            self._index = index
            signal.setitimer(signal.ITIMER_REAL, timeout_seconds, _REPEAT_SECONDS)
            yield
        finally:
            self._index = -1
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_alarm(self, _signum: int, _frame: FrameType | None) -> None:
        if self._index >= 0:
            raise TaskTimedOut

    def _on_ask(self, _signum: int, _frame: FrameType | None) -> None:
        if self._index < 0:
            return
        asks = self._slot.asks(self._index)
        if not asks & Ask.INTERRUPT:
            return  # meant for a row that has ended meanwhile
        raise exception_for(asks)


def exception_for(asks: Ask) -> BaseException:
    """What to raise into a handler for what the agent asks."""
    if asks & Ask.CANCEL:
        return TaskCancelled()
    if asks & Ask.TIMEOUT:
        return TaskTimedOut()
    return TaskInterrupted()
