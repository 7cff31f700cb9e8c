"""Running sync handlers, one after the other, in the pool child's main thread."""

from asyncio import _get_running_loop, _set_running_loop
from collections.abc import Sequence
from time import monotonic

from controlplane.core.jsonb import load_jsonb
from tasks_app import endings
from tasks_app.execution.claims import ClaimedTask
from tasks_app.execution.interrupts import Interrupts
from tasks_app.execution.isolation.guard import HandlerGuard
from tasks_app.execution.sizing import TypeTimes
from tasks_app.execution.work_time import WorkTime
from tasks_app.processors import registry
from tasks_app.processors.outcomes import TaskTimedOut
from tasks_app.rows import Outcome
from workers.node_state import SharedNodeState
from workers.slots import Slot

# A handler that came to its end this much later than its limit, with no time-out raised into it,
# has overrun it all the same: it may have blocked the signal. The allowance is the time that the
# signal may take.
OVERRUN_SECONDS = 0.02


class SyncRunner:
    """Runs a batch until it is done, or has worked `budget_seconds`, or the worker stops.

    `worked_ms`: what the handlers of the last batch have worked.
    """

    def __init__(
        self,
        *,
        slot: Slot,
        node_state: SharedNodeState,
        interrupts: Interrupts,
        guard: HandlerGuard,
        times: TypeTimes,
        budget_seconds: float,
    ) -> None:
        self._slot = slot
        self._page = node_state
        self._interrupts = interrupts
        self._guard = guard
        self._times = times
        self._budget_seconds = budget_seconds
        self._work_time = WorkTime()
        self.worked_ms = 0.0

    def run(self, batch: Sequence[ClaimedTask]) -> tuple[list[Outcome], list[ClaimedTask]]:
        """The outcomes of the started rows, and the rows that did not start."""
        began = monotonic()
        self._work_time.begin()
        self.worked_ms = 0.0
        outcomes: list[Outcome] = []
        unstarted: list[ClaimedTask] = []
        ended: list[float] = []
        for position, claimed in enumerate(batch):
            now = monotonic()
            if (position > 0 and self._is_late(now - began)) or self._page.stopping_since:
                unstarted.extend(batch[position:])
                break
            outcome = self._run_one(claimed, now, began)
            if outcome is None:
                unstarted.append(claimed)
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

    def _is_late(self, elapsed: float) -> bool:
        if elapsed <= self._budget_seconds:
            return False
        return self._work_time.of_batch(elapsed * 1000) > self._budget_seconds * 1000

    def _run_one(self, claimed: ClaimedTask, started: float, began: float) -> Outcome | None:
        """One handler's outcome; None if the agent took the row back before it started."""
        claim = claimed.claim
        timeout_seconds = claim.timeout_ms / 1000
        if self._slot.has_flags(claimed.index) or not self._slot.start(
            claimed.index, started=started, deadline=started + timeout_seconds
        ):
            return None
        result: object = None
        error: BaseException | None = None
        self._guard.before()
        try:
            result = self._call(claimed, timeout_seconds)
        except BaseException as raised:  # noqa: BLE001 - sys.exit in a handler is its failure
            error = raised
            self._interrupts.leave()  # a recursion limit may have kept the block from it
        if _get_running_loop() is not None:
            _set_running_loop(None)
        interruption = self._interrupts.interruption
        seconds = monotonic() - started
        self._guard.after(claim.type, claimed.context, seconds, error, interruption is not None)
        if interruption is None and seconds > timeout_seconds + OVERRUN_SECONDS:
            interruption = TaskTimedOut()
        outcome = outcome_of(claimed, result, error, interruption, seconds)
        if result is not None or error is not None:
            self._guard.end_fork(error)  # the text of an error or a rule is the author's code, too
        self._slot.done(claimed.index)
        worked_ms = self._work_time.of_handler(outcome.run_ms)
        self.worked_ms += worked_ms
        self._times.record(claim.type, worked_ms)
        outcome.wait_ms = claim.wait_ms + (started - began) * 1000
        outcome.progress = claimed.context.percent
        return outcome

    def _call(self, claimed: ClaimedTask, timeout_seconds: float) -> object:
        self._interrupts.interruption = None
        processor = claimed.processor or registry.get(claimed.claim.type)
        payload = processor.validate(load_jsonb(claimed.claim.payload))
        with self._interrupts.handling(claimed.index, timeout_seconds):
            return processor.func(claimed.context, payload)


def outcome_of(
    claimed: ClaimedTask,
    result: object,
    error: BaseException | None,
    interruption: BaseException | None,
    seconds: float,
) -> Outcome:
    """The outcome of a handler that returned `result` or raised `error`, and that the engine
    interrupted by `interruption`, if it did."""
    run_ms = seconds * 1000
    if error is None and interruption is None:
        try:
            return endings.succeeded(claimed.claim, result, run_ms=run_ms)
        except BaseException as raised:  # noqa: BLE001 - a result may be of a class of the author's
            error = raised
    return endings.ending_of(
        claimed.claim,
        error or endings.Swallowed(),
        interruption=interruption,
        processor=claimed.processor,
        run_ms=run_ms,
    )
