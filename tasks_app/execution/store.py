"""The pool child's exchanges with Postgres: write outcomes and claim the next batch in one commit.

Uses the connection alias `engine`, which lives as long as the child: Celery closes the others
around every task. After an error it is unknown whether the COMMIT succeeded, so nothing is assumed:
the outcomes are written again (their lease guards them), and what the unanswered claim may have
taken is handed back by its lease before anything else is tried.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.conf import settings
from django.db import connections, transaction

from controlplane.core.sql import DATABASE_ERRORS, is_transient, prepared_cursor
from tasks_app import endings, transitions
from tasks_app.execution.context import TaskContext
from tasks_app.execution.reports import append_logs, gather_logs
from tasks_app.rows import ClaimedRow, Cursor, Outcome, count_ends
from tasks_app.settling import announce_dead_lettered, settle_ended
from workers.services import count_stale_writes
from workers.slots import Slot

logger = logging.getLogger(__name__)

ALIAS = "engine"
_FIRST_PAUSE_SECONDS = 0.05
_MAX_PAUSE_SECONDS = 2.0


def engine_cursor() -> psycopg.Cursor[tuple[Any, ...]]:
    """A cursor of the engine's own connection."""
    return prepared_cursor(ALIAS)


_LIMITS_SECONDS = 1.0


class LimitWatch:
    """Whether a queue has lanes with limits, looked up once a second: most queues have none, and
    should not pay for a second claim. A new limit still takes effect at once, since the first claim
    leaves limited lanes out."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[bool, float]] = {}

    def has_limits(self, queue: str) -> bool:
        now = monotonic()
        seen = self._seen.get(queue)
        if seen is None or now > seen[1]:
            cursor = engine_cursor()
            cursor.execute(
                "SELECT EXISTS (SELECT FROM tasks_app_queue WHERE name = %s"
                " AND (max_running IS NOT NULL OR rate_per_second IS NOT NULL))",
                [queue],
            )
            row = cursor.fetchone()
            seen = (bool(row and row[0]), now + _LIMITS_SECONDS)
            self._seen[queue] = seen
        return seen[0]


@dataclass(slots=True)
class Store:
    """The reads and writes of one drain of a queue. `after` is the lane that was served last."""

    queue: str
    node: Callable[[], int]
    announce: Callable[[bytes], None]
    limits: LimitWatch = field(default_factory=LimitWatch)
    after: int = 0
    slot: Slot | None = None  # where to count what was written

    def exchange(
        self,
        outcomes: Sequence[Outcome],
        *,
        contexts: Sequence[TaskContext] = (),
        unstarted: Sequence[ClaimedRow] = (),
        want: int = 0,
    ) -> tuple[list[ClaimedRow], list[str]]:
        """Write outcomes and the logs of `contexts`, hand back what was not started, claim up to
        `want` rows; one commit.

        Returns the claimed rows, and the queues that got work. Raises OperationalError if the
        database is unreachable for a whole lease period: by then others own the rows.
        """
        for context in contexts:
            context.close_logs()
        logs = gather_logs(contexts)
        give_up = monotonic() + settings.TASKPLANE["LEASE_SECONDS"]
        while True:
            lease = uuid4()
            self.announce(lease.bytes)
            try:
                return self._exchange(outcomes, logs, unstarted, want, lease)
            except Exception as error:
                if not is_transient(error):
                    if not outcomes:
                        raise
                    return [], self._write_one_by_one(outcomes, logs, unstarted, lease, error)
                if monotonic() > give_up:
                    raise
                logger.warning("Batch write retried: outcomes=%d error=%s", len(outcomes), error)
                self._forget(lease, give_up)

    def _write_one_by_one(
        self,
        outcomes: Sequence[Outcome],
        logs: list[dict[str, object]],
        unstarted: Sequence[ClaimedRow],
        lease: UUID,
        cause: Exception,
    ) -> list[str]:
        """Write each outcome in a transaction of its own, so that one that cannot be written, as
        when a receiver of `task_dead_lettered` fails, does not stop the others. Its task is retried
        later, and the cause is recorded."""
        logger.error("Batch not written: outcomes=%d", len(outcomes), exc_info=cause)
        _, queues = self._exchange([], [], unstarted, 0, lease)
        for outcome in outcomes:
            own = [line for line in logs if line["id"] == str(outcome.id)]
            try:
                queues += self._exchange([outcome], own, [], 0, lease)[1]
            except Exception as error:
                if is_transient(error):
                    raise
                logger.exception("Outcome not written: task=%s", outcome.id)
                queues += self._exchange([endings.postponed(outcome, error)], [], [], 0, lease)[1]
        return queues

    def _exchange(
        self,
        outcomes: Sequence[Outcome],
        logs: list[dict[str, object]],
        unstarted: Sequence[ClaimedRow],
        want: int,
        lease: UUID,
    ) -> tuple[list[ClaimedRow], list[str]]:
        if not (outcomes or logs or unstarted):
            return (self._claim_only(want, lease) if want else []), []
        queues: list[str] = []
        has_limits = want > 0 and self.limits.has_limits(self.queue)
        with transaction.atomic(using=ALIAS, durable=True):
            cursor = engine_cursor()
            ended = []
            append_logs(cursor, logs)
            if outcomes:
                ended = transitions.finish_leased(cursor, node=self.node(), outcomes=outcomes)
                announce_dead_lettered(ended, using=ALIAS)
            stale = len(outcomes) - len(ended)
            counts = count_ends(ended)
            ended += transitions.release_leased(cursor, [(c.id, c.lease) for c in unstarted])
            if any(row.has_dependents for row in ended):
                queues = settle_ended(cursor, ended, using=ALIAS)
            claims = self._claim(cursor, want, lease, has_limits=has_limits) if want else []
        if outcomes and self.slot is not None:
            # In the slot file: a node's figures must not cost a statement.
            self.slot.count(processed=counts[0], failed=counts[1], stale=stale)
        if stale:
            count_stale_writes(self.node(), stale, using=ALIAS)
        self._turn(claims)
        return claims, queues

    def _claim_only(self, want: int, lease: UUID) -> list[ClaimedRow]:
        # One statement is its own transaction, and an idle queue's next task waits for it. Lanes
        # with limits can wait for the next exchange.
        claims = self._claim(engine_cursor(), want, lease, has_limits=False)
        if not claims and self.limits.has_limits(self.queue):
            with transaction.atomic(using=ALIAS, durable=True):
                claims = self._claim_limited(engine_cursor(), want, lease)
        self._turn(claims)
        return claims

    def _turn(self, claims: list[ClaimedRow]) -> None:
        """Remember which lane was served last in the round that began after `after`."""
        lanes = {claim.queue_id for claim in claims}
        if lanes:
            self.after = max(lanes, key=lambda lane: (lane <= self.after, lane))

    def _claim(
        self, cursor: Cursor, want: int, lease: UUID, *, has_limits: bool
    ) -> list[ClaimedRow]:
        claims = transitions.claim_ready(
            cursor, queue=self.queue, node=self.node(), lease=lease, want=want, after=self.after
        )
        if has_limits and len(claims) < want:
            claims += self._claim_limited(cursor, want - len(claims), lease)
        return claims

    def _claim_limited(self, cursor: Cursor, want: int, lease: UUID) -> list[ClaimedRow]:
        return transitions.claim_limited(
            cursor, queue=self.queue, node=self.node(), lease=lease, want=want, after=self.after
        )

    def _forget(self, lease: UUID, give_up: float) -> None:
        """Hand back the rows that a claim with an unknown result may have taken. No other claim may
        be announced before that: rows of a forgotten claim would stay RUNNING for ever."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE_SECONDS)
            connections[ALIAS].close()
            try:
                with transaction.atomic(using=ALIAS):
                    cursor = engine_cursor()
                    ended = transitions.release_lease(cursor, lease)
                    settle_ended(cursor, ended, using=ALIAS)
                return
            except DATABASE_ERRORS as error:
                if not is_transient(error) or monotonic() > give_up:
                    raise
                logger.warning("Database unreachable: error=%s", error)
