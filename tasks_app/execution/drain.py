"""Draining a queue: the work of a pool child after one wake-up."""

import logging
import os
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from traceback import format_exc
from typing import TypeVar

from django.conf import settings
from django.db import transaction

from controlplane.core.sql import DATABASE_ERRORS, is_transient
from tasks_app.execution.async_runner import AsyncRunner
from tasks_app.execution.claims import ClaimedTask, ClaimSet
from tasks_app.execution.context import FLUSH_SECONDS, TaskContext
from tasks_app.execution.interrupts import Interrupts
from tasks_app.execution.isolation.guard import HandlerGuard
from tasks_app.execution.recycling import Recycling
from tasks_app.execution.reports import write_reports
from tasks_app.execution.sizing import BatchSizer, TypeTimes
from tasks_app.execution.store import (
    ALIAS,
    LimitWatch,
    Store,
    engine_cursor,
)
from tasks_app.execution.sync_runner import SyncRunner
from tasks_app.rows import Outcome
from tasks_app.wakeups import notify_workers
from workers.runtime import Runtime
from workers.wake_up_lists import EARLY_SECONDS

_Row = TypeVar("_Row")

logger = logging.getLogger(__name__)

_ASYNC_PATIENCE = 30  # slices for which async work may be topped up before the slot moves on
_LOOK_SECONDS = 0.0001  # between claims that found nothing after an early wake-up
_POLL_SECONDS = 0.25  # between claims that found nothing, while async handlers are in flight


def claim_first(claim: Callable[[], list[_Row]], *, is_early: bool) -> list[_Row]:
    """The first rows after a wake-up. An early one came before its task was committed, so the last
    look begins when the task is there or its sender has sent another wake-up."""
    until = monotonic() + EARLY_SECONDS if is_early else 0.0
    while True:
        is_last_look = monotonic() >= until
        rows = claim()
        if rows or is_last_look:
            return rows
        sleep(_LOOK_SECONDS)


class Drainer:
    """The engine of one pool child; it lives as long as the child, and keeps its measurements."""

    def __init__(self, runtime: Runtime) -> None:
        assert runtime.slot is not None  # noqa: S101 - made by open_slot after the fork
        config = settings.TASKPLANE
        self.node_state = runtime.node_state
        self.slot = runtime.slot
        self.claim_set = ClaimSet(runtime.slot)
        self._sizers: dict[str, BatchSizer] = {}
        self._after: dict[str, int] = {}
        self._limits = LimitWatch()
        self.slice_seconds: float = config["DRAIN_SLICE_SECONDS"]
        self.most: int = config["BATCH_MAX"]
        self.async_most: int = min(config["ASYNC_CONCURRENCY"], self.claim_set.room)
        self._target_ms: float = config["BATCH_TARGET_MS"]
        self.times = TypeTimes(batchable_ms=self._target_ms / 2)
        self.interrupts = Interrupts(runtime.slot)
        self.interrupts.install()
        self.recycling = Recycling(runtime)
        self.guard = HandlerGuard(recycle=self.recycling.request)
        self.sync = SyncRunner(
            slot=runtime.slot,
            node_state=runtime.node_state,
            interrupts=self.interrupts,
            guard=self.guard,
            times=self.times,
            budget_seconds=2 * self._target_ms / 1000,
        )

    def drain(self, queue: str, *, is_early: bool = False) -> None:
        """Claim and run until the queue is empty or the time slice is over; then send a
        wake-up for the rest. After an early wake-up the queue may fill in a moment."""
        store = Store(
            queue=queue,
            node=lambda: self.node_state.node_id,
            announce=self.slot.announce,
            limits=self._limits,
            after=self._after.get(queue, 0),
            slot=self.slot,
        )
        try:
            if _Drain(self, queue, store).run(is_early=is_early):
                notify_workers(queue)
        except BaseException:  # noqa: BLE001 - see below
            # What it holds can be settled by its agent only, and only when this process is gone.
            # Not only errors: a SystemExit that got here would leave rows RUNNING for ever. Without
            # logging, which a handler may have broken, or whose lock a thread of it may hold.
            try:
                text = f"Pool child ends: cannot write outcomes\n{format_exc()}"
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

    def run(self, *, is_early: bool) -> bool:
        """Whether the slice ended before the queue was empty."""
        batch = claim_first(lambda: self._exchange([], [], [], self._want()), is_early=is_early)
        while batch:
            asynchronous = [claimed for claimed in batch if claimed.is_async]
            outcomes, ran, unstarted = self._run_sync([h for h in batch if not h.is_async])
            if asynchronous:
                self._exchange(outcomes, ran, unstarted, 0)
                self._run_async(asynchronous)
                outcomes, ran, unstarted = [], [], []
            batch = self._exchange(outcomes, ran, unstarted, self._want())
        return self._is_over() and self._d.node_state.takes_work

    def _is_over(self) -> bool:
        return monotonic() >= self._ends or self._d.recycling.is_due

    def _want(self) -> int:
        if self._is_over() or not self._d.node_state.takes_work:
            return 0
        return min(self._sizer.want, self._d.claim_set.room)

    def _run_sync(
        self, batch: list[ClaimedTask]
    ) -> tuple[list[Outcome], list[ClaimedTask], list[ClaimedTask]]:
        """Run sync rows. Batchable ones share a commit. The others (slow, of unknown duration, or
        with a lost worker) run one by one, after finished results have been written, so that none
        delays or loses a neighbour's result."""
        # Divided once: the run times of a type change while its handlers run.
        batchable: list[ClaimedTask] = []
        isolated: list[ClaimedTask] = []
        for claimed in batch:
            (batchable if self._is_batchable(claimed) else isolated).append(claimed)
        outcomes, unstarted = self._run_batch(batchable)
        ran = batchable
        if unstarted:
            idle = set(unstarted)
            ran = [claimed for claimed in batchable if claimed not in idle]
        for claimed in isolated:
            self._exchange(outcomes, ran, unstarted, 0)
            outcomes, unstarted = self._run_batch([claimed])
            ran = [] if unstarted else [claimed]
        return outcomes, ran, unstarted

    def _is_batchable(self, claimed: ClaimedTask) -> bool:
        return not claimed.has_lost_worker and self._d.times.is_batchable(claimed.claim.type)

    def _run_batch(self, batch: Sequence[ClaimedTask]) -> tuple[list[Outcome], list[ClaimedTask]]:
        for claimed in batch:
            claimed.context.on_report = self._report_one
        outcomes, unstarted = self._d.sync.run(batch)
        self._sizer.record(tasks=len(outcomes), run_ms=self._d.sync.worked_ms)
        self._d.recycling.count(outcomes)
        return outcomes, unstarted

    def _exchange(
        self,
        outcomes: Sequence[Outcome],
        ran: Sequence[ClaimedTask],
        unstarted: Sequence[ClaimedTask],
        want: int,
    ) -> list[ClaimedTask]:
        if not (outcomes or unstarted or want):
            return []
        claims, queues = self._store.exchange(
            outcomes,
            contexts=[claimed.context for claimed in ran],
            unstarted=[claimed.claim for claimed in unstarted],
            want=want,
        )
        for claimed in (*ran, *unstarted):
            self._d.claim_set.remove(claimed)
        for queue in queues:
            notify_workers(queue)
        return [self._d.claim_set.hold(claim, self._queue) for claim in claims]

    def _report_one(self, context: TaskContext) -> None:
        # On the stack of a handler: what cut off this write would break the engine's connection.
        with self._d.interrupts.deferred():
            self._report([context])
        self._d.guard.after_report()

    def _report(self, contexts: Sequence[TaskContext]) -> None:
        """Write progress and logs. An unreachable database does not fail the handler: the report is
        written with the next one, or with the outcome."""
        kept = [(context, context.percent, context.logs) for context in contexts]
        try:
            with transaction.atomic(using=ALIAS):
                write_reports(engine_cursor(), contexts)
        except DATABASE_ERRORS as error:
            if not is_transient(error):
                logger.exception("Report not written: tasks=%d", len(contexts))
                return
            logger.warning("Report postponed: tasks=%d error=%s", len(contexts), error)
            for context, percent, lines in kept:
                context.give_back(percent, lines)

    # Async handlers.

    def _run_async(self, batch: list[ClaimedTask]) -> None:
        """Run rows that have lost a worker first and one by one: a crash ends every handler of the
        process, and each of them counts as lost with its worker."""
        isolated = [[claimed] for claimed in batch if claimed.has_lost_worker]
        others = [claimed for claimed in batch if not claimed.has_lost_worker]
        for group in (*isolated, others):
            if self._d.node_state.takes_work:
                self._run_async_batch(group, claims_more=group is others)
            else:
                self._exchange([], [], group, 0)

    def _run_async_batch(self, batch: list[ClaimedTask], *, claims_more: bool) -> None:
        """Run async rows; `claims_more`: add newly claimed ones until other work or the end."""
        runner = AsyncRunner(self._d.slot, self._d.guard)
        give_up = self._ends + _ASYNC_PATIENCE * self._d.slice_seconds
        next_poll = 0.0
        next_report = monotonic() + FLUSH_SECONDS
        refused = runner.start(batch)
        while runner.in_flight or refused:
            ended = runner.turn() if runner.in_flight else []
            now = monotonic()
            self._d.recycling.count([outcome for _, outcome in ended])
            claims_more = claims_more and now < give_up and self._d.node_state.takes_work
            claims_more = claims_more and not self._d.recycling.is_due
            room = min(self._d.async_most - runner.in_flight, self._d.most)
            claims_now = claims_more and room > 0 and (bool(ended) or now >= next_poll)
            more = self._exchange(
                [outcome for _, outcome in ended],
                [claimed for claimed, _ in ended],
                refused,
                room if claims_now else 0,
            )
            if claims_now and not more:
                next_poll = now + _POLL_SECONDS
            unsuited = [claimed for claimed in more if not claimed.can_share_loop]
            claims_more = claims_more and not unsuited
            refused = unsuited + runner.start(claimed for claimed in more if claimed.can_share_loop)
            if now >= next_report:
                next_report = now + FLUSH_SECONDS
                self._report_all(runner)

    def _report_all(self, runner: AsyncRunner) -> None:
        contexts = [claimed.context for claimed in runner.contexts]
        if any(context.percent is not None or context.logs for context in contexts):
            self._report(contexts)
