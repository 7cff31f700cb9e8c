"""Running sync handlers, one after the other, in the pool child's main thread."""

from asyncio import _get_running_loop, _set_running_loop
from collections.abc import Sequence
from time import monotonic

from controlplane.core.jsonb import load_jsonb
from tasks_app.execution import endings
from tasks_app.execution.held import Held
from tasks_app.execution.interrupts import Interrupts
from tasks_app.execution.isolation.guard import HandlerGuard
from tasks_app.execution.sizing import TypeTimes
from tasks_app.processors import registry
from tasks_app.processors.outcomes import TaskTimedOut
from tasks_app.rows import Outcome
from workers.nodepage import NodePage
from workers.slots import Slot

# A handler that came to its end this much later than its limit, with no time-out raised into it,
# has overrun it all the same: it may have blocked the signal. The allowance is the time that the
# signal may take.
OVERRUN_SECONDS = 0.02


class SyncRunner:
    """Runs a batch until it is done, or has taken `budget_seconds`, or the worker stops."""

    def __init__(
        self,
        *,
        slot: Slot,
        page: NodePage,
        interrupts: Interrupts,
        guard: HandlerGuard,
        times: TypeTimes,
        budget_seconds: float,
    ) -> None:
        self._slot = slot
        self._page = page
        self._interrupts = interrupts
        self._guard = guard
        self._times = times
        self._budget_seconds = budget_seconds

    def run(self, batch: Sequence[Held]) -> tuple[list[Outcome], list[Held]]:
        """The outcomes of what ran, and the rows that did not start."""
        began = monotonic()
        outcomes: list[Outcome] = []
        unstarted: list[Held] = []
        ended: list[float] = []
        for position, held in enumerate(batch):
            now = monotonic()
            is_late = position > 0 and now - began > self._budget_seconds
            if is_late or self._page.stopping_since:
                unstarted.extend(batch[position:])
                break
            outcome = self._run_one(held, now, began)
            if outcome is None:
                unstarted.append(held)
            else:
                outcomes.append(outcome)
                ended.append(monotonic())
        if outcomes:
            self._guard.after_batch(is_idle=True)
            self._interrupts.check_timer()
        now = monotonic()
        for outcome, end in zip(outcomes, ended, strict=True):
            outcome.ago_ms = (now - end) * 1000
        return outcomes, unstarted

    def _run_one(self, held: Held, started: float, began: float) -> Outcome | None:
        """One handler's outcome; None when the agent took the row back before it started."""
        claim = held.claim
        timeout_seconds = claim.timeout_ms / 1000
        if self._slot.is_asked(held.index) or not self._slot.start(
            held.index, started=started, deadline=started + timeout_seconds
        ):
            return None
        result: object = None
        error: BaseException | None = None
        self._guard.before()
        try:
            result = self._call(held, timeout_seconds)
        except BaseException as raised:  # noqa: BLE001 - sys.exit in a handler is its failure
            error = raised
            self._interrupts.leave()  # a recursion limit may have kept the block from it
        if _get_running_loop() is not None:
            _set_running_loop(None)
        struck = self._interrupts.struck
        seconds = monotonic() - started
        self._guard.after(claim.type, held.context, seconds, error, struck is not None)
        if struck is None and seconds > timeout_seconds + OVERRUN_SECONDS:
            struck = TaskTimedOut()
        outcome = outcome_of(held, result, error, struck, seconds)
        if result is not None or error is not None:
            self._guard.end_fork(error)  # the text of an error or a rule is the author's code, too
        self._slot.done(held.index)
        self._times.record(claim.type, outcome.run_ms)
        outcome.wait_ms = claim.wait_ms + (started - began) * 1000
        outcome.progress = held.context.percent
        return outcome

    def _call(self, held: Held, timeout_seconds: float) -> object:
        self._interrupts.struck = None
        processor = held.processor or registry.get(held.claim.type)
        payload = processor.validate(load_jsonb(held.claim.payload))
        with self._interrupts.handling(held.index, timeout_seconds):
            return processor.func(held.context, payload)


def outcome_of(
    held: Held,
    result: object,
    error: BaseException | None,
    struck: BaseException | None,
    seconds: float,
) -> Outcome:
    """The outcome of a handler that returned `result` or raised `error`, and that the engine
    interrupted by `struck`, if it did."""
    run_ms = seconds * 1000
    if error is None and struck is None:
        try:
            return endings.succeeded(held.claim, result, run_ms=run_ms)
        except BaseException as raised:  # noqa: BLE001 - a result may be of a class of the author's
            error = raised
    return endings.ending_of(
        held.claim,
        error or endings.Swallowed(),
        struck=struck,
        processor=held.processor,
        run_ms=run_ms,
    )
