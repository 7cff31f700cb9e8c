"""Running async handlers, hundreds at once, in one event loop of the pool child.

The loop runs only while there is nothing to write: between two runs of the loop the child executes
sync code, which commits outcomes and claims more, so that a slow handler never delays its
neighbours.
"""

import asyncio
import contextvars
import os
from collections.abc import Iterable
from time import monotonic

from controlplane.core.jsonb import load_jsonb
from tasks_app.execution.claims import ClaimedTask
from tasks_app.execution.interrupts import exception_for
from tasks_app.execution.isolation.event_loop import CURRENT, Handler, HandlerTask
from tasks_app.execution.isolation.guard import HandlerGuard
from tasks_app.execution.sync_runner import OVERRUN_SECONDS, outcome_of
from tasks_app.processors.outcomes import TaskTimedOut
from tasks_app.rows import Outcome
from workers.slots import InterruptFlag, Slot

TICK_SECONDS = 0.1
_LINGER_SECONDS = 0.003  # how long an outcome waits for others to share its commit
_REPEAT_SECONDS = 1.0
_CHUNK = 100  # outcomes that are worth a commit at once


class AsyncRunner:
    """The async handlers in flight."""

    def __init__(self, slot: Slot, guard: HandlerGuard) -> None:
        self._slot = slot
        self._guard = guard
        self._loop = guard.loop
        self._running: dict[ClaimedTask, HandlerTask[None]] = {}
        self._ended: list[tuple[ClaimedTask, Outcome, float]] = []
        self._interruptions: dict[
            ClaimedTask, BaseException
        ] = {}  # what interrupted a handler first
        self._interrupted_at: dict[ClaimedTask, float] = {}  # when a handler was last interrupted
        self._linger: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        return len(self._running)

    @property
    def contexts(self) -> list[ClaimedTask]:
        return list(self._running)

    def start(self, batch: Iterable[ClaimedTask]) -> list[ClaimedTask]:
        """Start handlers. Returns the rows that the agent took back instead."""
        refused = []
        for claimed in batch:
            now = monotonic()
            seconds = claimed.claim.timeout_ms / 1000
            if self._slot.has_flags(claimed.index) or not self._slot.start(
                claimed.index, started=now, deadline=now + seconds
            ):
                refused.append(claimed)
                continue
            claimed.context.in_main_thread = self._guard.outside_loop
            owner = Handler(claimed.context.warn)
            self._running[claimed] = self._loop.start_handler(
                self._run(claimed, owner, now), contextvars.copy_context(), owner
            )
        return refused

    def turn(self) -> list[tuple[ClaimedTask, Outcome]]:
        """Let the handlers run until some have ended or a tick is over.

        Not as a task of the loop: a handler that cancels all tasks would cancel the engine. Raises
        RuntimeError when the loop cannot run any more.
        """
        self._guard.after_report()  # what was written since the last turn
        tick = self._loop.call_later(TICK_SECONDS, self._loop.end_turn)
        self._loop.run_turn()
        tick.cancel()
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._apply_interrupts()
        self._guard.look_after_threads()
        now = monotonic()
        ended, self._ended = self._ended, []
        for claimed, outcome, end in ended:
            outcome.ago_ms = (now - end) * 1000
            self._running.pop(claimed, None)
            self._interrupted_at.pop(claimed, None)
            self._interruptions.pop(claimed, None)
        if ended:
            self._guard.after_batch(is_idle=not self._running)
        return [(claimed, outcome) for claimed, outcome, _ in ended]

    def _apply_interrupts(self) -> None:
        now = monotonic()
        for claimed, task in self._running.items():
            if task.done():
                self._note_lost_end(claimed)
                continue
            flags = self._slot.flags(claimed.index)
            if not flags & InterruptFlag.INTERRUPT:
                continue
            # Once a second, as in sync handlers: a clean-up that awaits needs time to finish.
            if now >= self._interrupted_at.get(claimed, 0.0) + _REPEAT_SECONDS:
                self._interrupted_at[claimed] = now
                self._interruptions.setdefault(claimed, exception_for(flags))
                task.interrupt()

    async def _run(self, claimed: ClaimedTask, owner: Handler, started: float) -> None:
        CURRENT.set(owner)
        timeout_seconds = claimed.claim.timeout_ms / 1000
        alarm = self._loop.call_later(timeout_seconds, self._time_out, claimed)
        pid = os.getpid()
        result: object = None
        error: BaseException | None = None
        try:
            result = await self._call(claimed)
            if self._running[claimed].cancelling():
                await asyncio.sleep(
                    0
                )  # meets a cancel of the handler's own that is still under way
        except BaseException as raised:  # noqa: BLE001 - sys.exit in a handler is its failure
            error = raised
        if os.getpid() == pid:
            alarm.cancel()
        owner.has_ended = True
        now = monotonic()
        seconds = now - started
        self._guard.after(claimed.claim.type, claimed.context, seconds, error, False)
        interruption = self._interruptions.get(claimed)
        if interruption is None and seconds > timeout_seconds + OVERRUN_SECONDS:
            interruption = TaskTimedOut()
        outcome = outcome_of(claimed, result, error, interruption, seconds)
        if result is not None or error is not None:
            self._guard.end_fork(error)
        self._note_end(claimed, outcome, now)

    def _note_lost_end(self, claimed: ClaimedTask) -> None:
        """A task that was cancelled before its first step could not record its end."""
        if all(claimed is not ended for ended, _, _ in self._ended):
            error = asyncio.CancelledError("The task was cancelled before the handler started.")
            self._note_end(claimed, outcome_of(claimed, None, error, None, 0.0), monotonic())

    def _note_end(self, claimed: ClaimedTask, outcome: Outcome, now: float) -> None:
        outcome.wait_ms = claimed.claim.wait_ms
        outcome.progress = claimed.context.percent
        self._slot.done(claimed.index)
        self._ended.append((claimed, outcome, now))
        if len(self._ended) >= min(_CHUNK, len(self._running)):
            self._loop.end_turn()
        elif self._linger is None:
            self._linger = self._loop.call_later(_LINGER_SECONDS, self._loop.end_turn)

    async def _call(self, claimed: ClaimedTask) -> object:
        processor = claimed.processor
        assert processor is not None  # noqa: S101 - only known async types are started here
        payload = processor.validate(load_jsonb(claimed.claim.payload))
        return await processor.func(claimed.context, payload)

    def _time_out(self, claimed: ClaimedTask) -> None:
        self._interruptions.setdefault(claimed, TaskTimedOut())
        self._running[claimed].interrupt()
