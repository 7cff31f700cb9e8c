"""Running async handlers, hundreds at once, in one event loop of the pool child.

The loop runs only while there is nothing to write: between two turns the child is plain sync code,
which commits what ended and claims more, so that a slow handler never holds back its neighbours.
"""

import asyncio
import time
from collections.abc import Iterable

import orjson

from tasks_app.execution.endings import succeeded
from tasks_app.execution.held import Held
from tasks_app.execution.interrupts import exception_for
from tasks_app.execution.sync_runner import ending_of
from tasks_app.processors.outcomes import TaskTimedOut
from tasks_app.rows import Outcome
from workers.slots import Ask, Slot

TICK_SECONDS = 0.1
_LINGER_SECONDS = 0.003  # how long an outcome waits for company
_REPEAT_SECONDS = 1.0
_CHUNK = 100  # outcomes that are worth a commit at once

_loop: asyncio.AbstractEventLoop | None = None


def _event_loop() -> asyncio.AbstractEventLoop:
    """This child's loop; kept, so that clients of handlers survive from batch to batch."""
    global _loop  # noqa: PLW0603 - one per process
    if _loop is None or _loop.is_closed():
        _loop = asyncio.new_event_loop()
    return _loop


class AsyncRunner:
    """The async handlers in flight."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._loop = _event_loop()
        self._flying: dict[Held, asyncio.Task[None]] = {}
        self._ended: list[tuple[Held, Outcome, float]] = []
        self._timed_out: set[Held] = set()
        self._told: dict[Held, float] = {}  # when a handler was last told to stop
        self._wake = asyncio.Event()

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    @property
    def contexts(self) -> list[Held]:
        return list(self._flying)

    def start(self, batch: Iterable[Held]) -> list[Held]:
        """Start handlers; the rows that the agent took back instead."""
        refused = []
        for held in batch:
            now = time.monotonic()
            seconds = held.claim.timeout_ms / 1000
            if self._slot.asks(held.index) or not self._slot.start(
                held.index, started=now, deadline=now + seconds
            ):
                refused.append(held)
                continue
            task = self._loop.create_task(self._run(held, now))
            self._flying[held] = task
        return refused

    def turn(self) -> list[tuple[Held, Outcome]]:
        """Let the handlers run until some have ended or a tick is over."""
        self._loop.run_until_complete(self._some_ended())
        self._obey_asks()
        now = time.monotonic()
        ended, self._ended = self._ended, []
        for held, outcome, end in ended:
            outcome.ago_ms = (now - end) * 1000
            self._flying.pop(held, None)
            self._told.pop(held, None)
        return [(held, outcome) for held, outcome, _ in ended]

    async def _some_ended(self) -> None:
        self._wake.clear()
        if not self._ended:
            try:
                await asyncio.wait_for(self._wake.wait(), TICK_SECONDS)
            except TimeoutError:
                return
        if len(self._ended) < min(_CHUNK, len(self._flying)):
            await asyncio.sleep(_LINGER_SECONDS)

    def _obey_asks(self) -> None:
        now = time.monotonic()
        for held, task in self._flying.items():
            if not self._slot.asks(held.index) & Ask.INTERRUPT:
                continue
            # Once a second, as in sync handlers: a clean-up that awaits must get somewhere.
            if now >= self._told.get(held, 0.0) + _REPEAT_SECONDS:
                self._told[held] = now
                task.cancel()

    async def _run(self, held: Held, started: float) -> None:
        alarm = self._loop.call_later(held.claim.timeout_ms / 1000, self._time_out, held)
        try:
            outcome = await self._call(held, started)
        finally:
            alarm.cancel()
        outcome.wait_ms = held.claim.wait_ms
        outcome.progress = held.context.percent
        self._slot.done(held.index)
        self._ended.append((held, outcome, time.monotonic()))
        self._wake.set()

    async def _call(self, held: Held, started: float) -> Outcome:
        processor = held.processor
        assert processor is not None  # noqa: S101 - only known async types are started here
        try:
            payload = processor.validate(orjson.loads(held.claim.payload))
            result = await processor.func(held.context, payload)
            return succeeded(held.claim, result, run_ms=(time.monotonic() - started) * 1000)
        except asyncio.CancelledError as error:
            return ending_of(held, self._reason_of(held) or error, started)
        except BaseException as error:  # noqa: BLE001 - sys.exit in a handler is its failure
            return ending_of(held, error, started)

    def _time_out(self, held: Held) -> None:
        self._timed_out.add(held)
        self._flying[held].cancel()

    def _reason_of(self, held: Held) -> BaseException | None:
        if held in self._timed_out:
            self._timed_out.discard(held)
            return TaskTimedOut()
        asks = self._slot.asks(held.index)
        return exception_for(asks) if asks & Ask.INTERRUPT else None
