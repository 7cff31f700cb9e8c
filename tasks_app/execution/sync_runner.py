"""Running sync handlers, one after the other, in the pool child's main thread."""

import logging
import time
from collections.abc import Sequence

import orjson
from django.db import close_old_connections, connections

from tasks_app.execution.endings import raised, succeeded
from tasks_app.execution.held import Held
from tasks_app.execution.interrupts import Interrupts
from tasks_app.execution.sizing import TypeTimes
from tasks_app.execution.store import ALIAS
from tasks_app.processors import registry
from tasks_app.rows import Outcome
from workers.nodepage import NodePage
from workers.slots import Slot

logger = logging.getLogger(__name__)


class SyncRunner:
    """Runs a batch until it is done, or has taken `budget_seconds`, or the worker stops."""

    def __init__(
        self,
        *,
        slot: Slot,
        page: NodePage,
        interrupts: Interrupts,
        times: TypeTimes,
        budget_seconds: float,
    ) -> None:
        self._slot = slot
        self._page = page
        self._interrupts = interrupts
        self._times = times
        self._budget_seconds = budget_seconds

    def run(self, batch: Sequence[Held]) -> tuple[list[Outcome], list[Held]]:
        """The outcomes of what ran, and the rows that did not start."""
        began = time.monotonic()
        outcomes: list[Outcome] = []
        unstarted: list[Held] = []
        ended: list[float] = []
        for position, held in enumerate(batch):
            now = time.monotonic()
            is_late = position > 0 and now - began > self._budget_seconds
            if is_late or self._page.stopping_since:
                unstarted.extend(batch[position:])
                break
            outcome = self._run_one(held, now, began)
            if outcome is None:
                unstarted.append(held)
            else:
                outcomes.append(outcome)
                ended.append(time.monotonic())
        now = time.monotonic()
        for outcome, end in zip(outcomes, ended, strict=True):
            outcome.ago_ms = (now - end) * 1000
        return outcomes, unstarted

    def _run_one(self, held: Held, started: float, began: float) -> Outcome | None:
        """One handler's outcome; None when the agent took the row back before it started."""
        timeout_seconds = held.claim.timeout_ms / 1000
        if self._slot.asks(held.index) or not self._slot.start(
            held.index, started=started, deadline=started + timeout_seconds
        ):
            return None
        try:
            result = self._call(held, timeout_seconds)
            outcome = succeeded(held.claim, result, run_ms=(time.monotonic() - started) * 1000)
        except BaseException as error:  # noqa: BLE001 - sys.exit in a handler is its failure
            outcome = ending_of(held, error, started)
        if self._interrupts.has_struck:
            drop_connections()
        self._slot.done(held.index)
        self._times.record(held.claim.type, outcome.run_ms)
        outcome.wait_ms = held.claim.wait_ms + (started - began) * 1000
        outcome.progress = held.context.percent
        return outcome

    def _call(self, held: Held, timeout_seconds: float) -> object:
        processor = held.processor or registry.get(held.claim.type)
        payload = processor.validate(orjson.loads(held.claim.payload))
        with self._interrupts.handling(held.index, timeout_seconds):
            return processor.func(held.context, payload)


def ending_of(held: Held, error: BaseException, started: float) -> Outcome:
    """The outcome that an exception means, also when a rule of the processor itself fails."""
    run_ms = (time.monotonic() - started) * 1000
    try:
        return raised(held.claim, error, processor=held.processor, run_ms=run_ms)
    except Exception:
        logger.exception("A rule of task type %s failed; the defaults decide", held.claim.type)
        return raised(held.claim, error, processor=None, run_ms=run_ms)


def drop_connections() -> None:
    """Start the handlers' connections anew: what was raised at any line may have cut off a query
    or a COMMIT, and the next handler on that connection would pay for it."""
    for connection in connections.all(initialized_only=True):
        if connection.alias != ALIAS:
            connection.close()
            # Closed between two lines of a transaction, Django's own object stays in it.
            del connections[connection.alias]


def clean_up_after_handlers() -> None:
    """Close the handlers' own connections that are broken or past their age."""
    close_old_connections()
