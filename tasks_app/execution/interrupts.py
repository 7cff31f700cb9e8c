"""Time-outs and interrupts of a sync handler, by signals to the process it runs in.

SIGALRM comes from the child's own timer at the time-out; SIGUSR2 from the node's agent, which has
set flags in the slot row. Both raise only while a handler runs. A handler that swallows
the exception is interrupted again every second, until the agent kills the child after the grace.
"""

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType, TracebackType

from tasks_app.processors.outcomes import TaskCancelled, TaskTimedOut
from workers.slots import InterruptFlag, Slot

_REPEAT_SECONDS = 1.0
_DEFERRED_RETRY_SECONDS = 0.05  # after which a deferred signal is tried again


class TaskInterrupted(BaseException):
    """Raised into a running handler when its worker must stop, or no longer holds its lease. The
    task runs again elsewhere; the attempt does not count."""


class Interrupts:
    """The signal handlers of one pool child. `install` once, in the main thread.

    The timer is not set again for every handler, which costs two system calls: it stays armed for
    the earliest deadline it was ever given, and arms itself again when it comes too early.
    """

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._index = -1  # the slot row whose handler runs; -1 outside handlers
        self._deadline = 0.0  # of that handler, in monotonic seconds
        self._armed_for = math.inf  # when the timer fires next
        self._is_deferred = False
        # The last exception that was raised into the handler; the handler may have swallowed it.
        self.interruption: BaseException | None = None

    def install(self) -> None:
        signal.signal(signal.SIGALRM, self._on_alarm)
        signal.signal(signal.SIGUSR2, self._on_interrupt_signal)

    def handling(self, index: int, timeout_seconds: float) -> "_Handling":
        """Let signals reach the handler in this block. May raise TaskTimedOut, TaskCancelled or
        TaskInterrupted from the block's first and last line too, so catch around it."""
        return _Handling(self, index, timeout_seconds)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Defer signals in this block, which is the engine's own work on a handler's stack: they
        raise soon after it."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False

    def enter(self, index: int, timeout_seconds: float) -> None:
        now = monotonic()
        self.interruption = None
        self._deadline = now + timeout_seconds
        self._index = index
        # A timer that should have fired is gone: a handler used it for itself.
        if not now < self._armed_for <= self._deadline:
            self._arm(timeout_seconds)

    def leave(self) -> None:
        self._index = -1

    def check_timer(self) -> None:
        """After handlers: restart the timer if one of them stopped it for its own use."""
        if self._armed_for != math.inf and not signal.getitimer(signal.ITIMER_REAL)[0]:
            self._armed_for = math.inf

    def _arm(self, seconds: float) -> None:
        self._armed_for = monotonic() + seconds
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _on_alarm(self, _signum: int, _frame: FrameType | None) -> None:
        self._armed_for = math.inf
        if self._index < 0:
            return
        left = self._deadline - monotonic()
        flags = self._slot.flags(self._index)
        if self._is_deferred:
            self._arm(_DEFERRED_RETRY_SECONDS)
        elif flags & InterruptFlag.INTERRUPT or left <= 0:
            self._arm(_REPEAT_SECONDS)
            self.interruption = (
                exception_for(flags) if flags & InterruptFlag.INTERRUPT else TaskTimedOut()
            )
            raise self.interruption
        else:
            self._arm(left)

    def _on_interrupt_signal(self, _signum: int, _frame: FrameType | None) -> None:
        if self._index < 0:
            return
        flags = self._slot.flags(self._index)
        if not flags & InterruptFlag.INTERRUPT:
            return  # for a row that has already ended
        if self._is_deferred:
            self._arm(_DEFERRED_RETRY_SECONDS)
            return
        self.interruption = exception_for(flags)
        raise self.interruption


class _Handling:
    """The block in which a handler runs."""

    __slots__ = ("_index", "_interrupts", "_timeout_seconds")

    def __init__(self, interrupts: Interrupts, index: int, timeout_seconds: float) -> None:
        self._interrupts = interrupts
        self._index = index
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> None:
        try:
            self._interrupts.enter(self._index, self._timeout_seconds)
        except BaseException:  # a signal in the first microsecond
            self._interrupts.leave()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._interrupts.leave()


def exception_for(flags: InterruptFlag) -> BaseException:
    """The exception to raise into a handler for these flags."""
    if flags & InterruptFlag.CANCEL:
        return TaskCancelled()
    if flags & InterruptFlag.TIMEOUT:
        return TaskTimedOut()
    return TaskInterrupted()
