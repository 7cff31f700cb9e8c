"""Draining a queue: what one bell makes a pool child do."""

import logging
import os
from collections.abc import Sequence
from time import monotonic
from traceback import format_exc

from django.conf import settings
from django.db import transaction

from tasks_app.execution.async_runner import AsyncRunner
from tasks_app.execution.context import FLUSH_SECONDS, TaskContext
from tasks_app.execution.held import Held, Holdings
from tasks_app.execution.interrupts import Interrupts
from tasks_app.execution.isolation.guard import HandlerGuard
from tasks_app.execution.recycling import Recycling
from tasks_app.execution.reports import write_reports
from tasks_app.execution.sizing import BatchSizer, TypeTimes
from tasks_app.execution.store import (
    ALIAS,
    DATABASE_ERRORS,
    LimitWatch,
    Store,
    engine_cursor,
    is_passing,
)
from tasks_app.execution.sync_runner import SyncRunner
from tasks_app.ring import ring
from tasks_app.rows import Outcome
from workers.runtime import Runtime

logger = logging.getLogger(__name__)

_ASYNC_PATIENCE = 30  # slices for which async work may be topped up before the slot moves on
_POLL_SECONDS = 0.25  # between claims that found nothing, while async handlers are in flight


class Drainer:
    """The engine of one pool child; as long-lived as the child, so that it keeps what it learns."""

    def __init__(self, runtime: Runtime) -> None:
        assert runtime.slot is not None  # noqa: S101 - made by open_slot after the fork
        config = settings.TASKPLANE
        self.page = runtime.page
        self.slot = runtime.slot
        self.holdings = Holdings(runtime.slot)
        self._sizers: dict[str, BatchSizer] = {}
        self._after: dict[str, int] = {}
        self._limits = LimitWatch()
        self.slice_seconds: float = config["DRAIN_SLICE_SECONDS"]
        self.most: int = config["BATCH_MAX"]
        self.async_most: int = min(config["ASYNC_CONCURRENCY"], self.holdings.room)
        self._target_ms: float = config["BATCH_TARGET_MS"]
        self.times = TypeTimes(quick_ms=self._target_ms / 2)
        self.interrupts = Interrupts(runtime.slot)
        self.interrupts.install()
        self.recycling = Recycling(runtime)
        self.guard = HandlerGuard(recycle=self.recycling.request)
        self.sync = SyncRunner(
            slot=runtime.slot,
            page=runtime.page,
            interrupts=self.interrupts,
            guard=self.guard,
            times=self.times,
            budget_seconds=2 * self._target_ms / 1000,
        )

    def drain(self, queue: str) -> None:
        """Claim and run until the queue is empty or the time slice is over; then ring again."""
        store = Store(
            queue=queue,
            node=lambda: self.page.node_id,
            announce=self.slot.announce,
            limits=self._limits,
            after=self._after.get(queue, 0),
            slot=self.slot,
        )
        try:
            if _Drain(self, queue, store).run():
                ring(queue)
        except BaseException:  # noqa: BLE001 - see below
            # What it holds can be settled by its agent only, and only when this process is gone.
            # Not only errors: a SystemExit that got here would leave rows RUNNING for ever. Without
            # logging, which a handler may have broken, or whose lock a thread of it may hold.
            try:
                text = f"This pool child cannot write what it ran, and ends\n{format_exc()}"
                os.write(2, text.encode("utf-8", "replace"))
            finally:
                os._exit(1)
        self._after[queue] = store.after
        self.guard.after_drain()

    def sizer(self, queue: str) -> BatchSizer:
        if queue not in self._sizers:
            self._sizers[queue] = BatchSizer(target_ms=self._target_ms, most=self.most)
        return self._sizers[queue]


class _Drain:
    """One drain of one queue."""

    def __init__(self, drainer: Drainer, queue: str, store: Store) -> None:
        self._d = drainer
        self._queue = queue
        self._store = store
        self._sizer = drainer.sizer(queue)
        self._ends = monotonic() + drainer.slice_seconds

    def run(self) -> bool:
        """Whether the slice ended before the queue was empty."""
        batch = self._exchange([], [], [], self._want())
        while batch:
            asynchronous = [held for held in batch if held.is_async]
            outcomes, ran, unstarted = self._run_sync([h for h in batch if not h.is_async])
            if asynchronous:
                self._exchange(outcomes, ran, unstarted, 0)
                self._fly_apart(asynchronous)
                outcomes, ran, unstarted = [], [], []
            batch = self._exchange(outcomes, ran, unstarted, self._want())
        return self._is_over() and self._d.page.takes_work

    def _is_over(self) -> bool:
        return monotonic() >= self._ends or self._d.recycling.is_due

    def _want(self) -> int:
        if self._is_over() or not self._d.page.takes_work:
            return 0
        return min(self._sizer.want, self._d.holdings.room)

    def _run_sync(self, batch: list[Held]) -> tuple[list[Outcome], list[Held], list[Held]]:
        """Run sync rows. Quick ones share a commit; a slow, unknown or suspect one runs after what
        is done has been written, so that it takes no neighbour's result along, or holds it back."""
        # Divided once: what is known of a type changes as its handlers run.
        quick: list[Held] = []
        careful: list[Held] = []
        for held in batch:
            (quick if self._is_quick(held) else careful).append(held)
        outcomes, unstarted = self._run_batch(quick)
        idle = set(unstarted)
        ran = [held for held in quick if held not in idle]
        for held in careful:
            self._exchange(outcomes, ran, unstarted, 0)
            outcomes, unstarted = self._run_batch([held])
            ran = [] if unstarted else [held]
        return outcomes, ran, unstarted

    def _is_quick(self, held: Held) -> bool:
        return not held.is_suspect and self._d.times.is_quick(held.claim.type)

    def _run_batch(self, batch: Sequence[Held]) -> tuple[list[Outcome], list[Held]]:
        for held in batch:
            held.context.on_report = self._report_one
        outcomes, unstarted = self._d.sync.run(batch)
        self._sizer.record(tasks=len(outcomes), run_ms=sum(o.run_ms for o in outcomes))
        self._d.recycling.count(outcomes)
        return outcomes, unstarted

    def _exchange(
        self,
        outcomes: Sequence[Outcome],
        ran: Sequence[Held],
        unstarted: Sequence[Held],
        want: int,
    ) -> list[Held]:
        if not (outcomes or unstarted or want):
            return []
        claims, queues = self._store.exchange(
            outcomes,
            contexts=[held.context for held in ran],
            unstarted=[held.claim for held in unstarted],
            want=want,
        )
        for held in (*ran, *unstarted):
            self._d.holdings.let_go(held)
        for queue in queues:
            ring(queue)
        return [self._d.holdings.hold(claim, self._queue) for claim in claims]

    def _report_one(self, context: TaskContext) -> None:
        # On the stack of a handler: what cut off this write would break the engine's connection.
        with self._d.interrupts.sheltered():
            self._report([context])
        self._d.guard.after_report()

    def _report(self, contexts: Sequence[TaskContext]) -> None:
        """Write progress and logs. A database that is away is no failure of a handler: the report
        waits for the next one, or for the outcome."""
        kept = [(context, context.percent, context.logs) for context in contexts]
        try:
            with transaction.atomic(using=ALIAS):
                write_reports(engine_cursor(), contexts)
        except DATABASE_ERRORS as error:
            if not is_passing(error):
                logger.exception("A report of %d running tasks cannot be written", len(contexts))
                return
            logger.warning("A report is written later: %s", error)
            for context, percent, lines in kept:
                context.give_back(percent, lines)

    # Async handlers.

    def _fly_apart(self, batch: list[Held]) -> None:
        """Run suspects first and one by one: a crash ends all that fly together, and each of them
        counts as lost with its worker."""
        suspects = [[held] for held in batch if held.is_suspect]
        others = [held for held in batch if not held.is_suspect]
        for flight in (*suspects, others):
            if self._d.page.takes_work:
                self._fly(flight, tops_up=flight is others)
            else:
                self._exchange([], [], flight, 0)

    def _fly(self, batch: list[Held], *, tops_up: bool) -> None:
        """Run async rows; `tops_up`: with more of them until other work or the end is met."""
        runner = AsyncRunner(self._d.slot, self._d.guard)
        give_up = self._ends + _ASYNC_PATIENCE * self._d.slice_seconds
        next_poll = 0.0
        next_report = monotonic() + FLUSH_SECONDS
        refused = runner.start(batch)
        while runner.in_flight or refused:
            ended = runner.turn() if runner.in_flight else []
            now = monotonic()
            self._d.recycling.count([outcome for _, outcome in ended])
            tops_up = tops_up and now < give_up and self._d.page.takes_work
            tops_up = tops_up and not self._d.recycling.is_due
            room = min(self._d.async_most - runner.in_flight, self._d.most)
            wants = tops_up and room > 0 and (bool(ended) or now >= next_poll)
            more = self._exchange(
                [outcome for _, outcome in ended],
                [held for held, _ in ended],
                refused,
                room if wants else 0,
            )
            if wants and not more:
                next_poll = now + _POLL_SECONDS
            foreign = [held for held in more if not held.may_join]
            tops_up = tops_up and not foreign
            refused = foreign + runner.start(held for held in more if held.may_join)
            if now >= next_report:
                next_report = now + FLUSH_SECONDS
                self._report_all(runner)

    def _report_all(self, runner: AsyncRunner) -> None:
        contexts = [held.context for held in runner.contexts]
        if any(context.percent is not None or context.logs for context in contexts):
            self._report(contexts)
