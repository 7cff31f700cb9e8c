"""Settles leased work whose process is gone."""

import dataclasses
import logging
import time
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction

from controlplane.core.sql import is_transient, load_sql
from tasks_app import endings, transitions
from tasks_app.failures import error_record
from tasks_app.processors import registry
from tasks_app.processors.registry import Processor, UnknownType
from tasks_app.rows import ClaimedRow, Cursor, Finished, Outcome, count_ends
from tasks_app.settling import announce_dead_lettered, settle_ended
from tasks_app.states import AttemptOutcome, ErrorCategory, TaskState
from tasks_app.wakeups import notify_workers
from workers.services import count_rescued
from workers.slots import InterruptFlag, RowStatus, Slot, SlotRow

logger = logging.getLogger(__name__)

_BATCH = 500


def settle_slot(node_id: int, slot: Slot) -> None:
    """Settle the rows of a dead pool child: started attempts ended with it, the others are handed
    back."""
    rows = list(slot.rows())
    with transaction.atomic(), connections["default"].cursor() as cursor:
        started = [row for row in rows if row.status in (RowStatus.STARTED, RowStatus.DONE)]
        held = {claim.id: claim for claim in _lock_claims(cursor, started)}
        was_killed = any(row.flags & InterruptFlag.KILLED for row in started)
        all_returned = all(row.status == RowStatus.DONE for row in started)
        outcomes = [
            _ending(held[row.task_id], row, was_killed=was_killed, all_returned=all_returned)
            for row in started
            if row.task_id in held
        ]
        ended = _finish(cursor, node_id, outcomes)
        processed, failed = count_ends(ended)
        unstarted = [
            (row.task_id, row.lease)
            for row in rows
            if row.status in (RowStatus.CLAIMED, RowStatus.TAKEN)
        ]
        ended += transitions.release_leased(cursor, unstarted)
        if slot.announced is not None:
            # What a claim took whose answer the child did not live to note.
            ended += transitions.release_lease(cursor, slot.announced)
        _notify_for(cursor, ended)
    slot.count(processed=processed, failed=failed)


def rescue_node(node_id: int) -> int:
    """Take back one batch of a lost node's rows. Returns the number of rows. It is unknown which
    had started, so every row counts as an attempt that was lost with its worker."""
    with transaction.atomic(), connections["default"].cursor() as cursor:
        claims = _lock_claims_of_node(cursor, node_id)
        ended = _finish(cursor, node_id, [_lost(claim, run_ms=0) for claim in claims])
        _notify_for(cursor, ended)
        _count(node_id, ended)
    return len(ended)


def release_node(node_id: int) -> None:
    """Hand back the rows that a node which ended by itself still holds: none of them has
    started."""
    with transaction.atomic(), connections["default"].cursor() as cursor:
        claims = _lock_claims_of_node(cursor, node_id)
        ended = transitions.release_leased(cursor, [(c.id, c.lease) for c in claims])
        _notify_for(cursor, ended)
        _count(node_id, ended)


def release_claims(claims: list[tuple[UUID, UUID]]) -> None:
    """Hand back rows (task, lease) that their holder has promised not to start."""
    with transaction.atomic(), connections["default"].cursor() as cursor:
        _notify_for(cursor, transitions.release_leased(cursor, claims))


def _count(node_id: int, ended: list[Finished]) -> None:
    if ended:
        count_rescued(node_id, len(ended))


def _finish(cursor: Cursor, node_id: int, outcomes: list[Outcome]) -> list[Finished]:
    """Write outcomes in the open transaction. One that cannot be written, as when a receiver of
    `task_dead_lettered` fails, is postponed, so that it holds up no other."""
    if not outcomes:
        return []
    try:
        return _write(cursor, node_id, outcomes)
    except Exception as error:
        if is_transient(error):
            raise
        if len(outcomes) > 1:
            return [row for one in outcomes for row in _finish(cursor, node_id, [one])]
        logger.exception("Outcome not written: task=%s", outcomes[0].id)
        return _write(cursor, node_id, [endings.postponed(outcomes[0], error)])


def _write(cursor: Cursor, node_id: int, outcomes: list[Outcome]) -> list[Finished]:
    with transaction.atomic():  # a savepoint
        ended = transitions.finish_leased(cursor, node=node_id, outcomes=outcomes)
        announce_dead_lettered(ended, using="default")
    return ended


def _notify_for(cursor: Cursor, ended: Iterable[Finished]) -> None:
    ended = list(ended)
    queues = set(settle_ended(cursor, ended, using="default"))
    ready = [row.id for row in ended if row.state == TaskState.PENDING]
    if ready:
        cursor.execute(
            "SELECT DISTINCT q.name FROM tasks_app_task t"
            " JOIN tasks_app_queue q ON q.id = t.queue_id WHERE t.id = ANY(%s)",
            [ready],
        )
        queues.update(name for (name,) in cursor.fetchall())
    for queue in sorted(queues):
        transaction.on_commit(lambda queue=queue: notify_workers(queue))  # type: ignore[misc]


def _lock_claims(cursor: Cursor, rows: Iterable[SlotRow]) -> list[ClaimedRow]:
    pairs = [(row.task_id, row.lease) for row in rows]
    cursor.execute(
        load_sql("tasks_app", "lock_leased"),
        {"ids": [task for task, _ in pairs], "leases": [lease for _, lease in pairs]},
    )
    return [ClaimedRow._make(row) for row in cursor.fetchall()]


def _lock_claims_of_node(cursor: Cursor, node_id: int) -> list[ClaimedRow]:
    cursor.execute(
        "SELECT id, lease FROM tasks_app_task WHERE state = 'RUNNING' AND node_id = %s"
        " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
        [node_id, _BATCH],
    )
    pairs: list[tuple[UUID, UUID]] = cursor.fetchall()
    cursor.execute(
        load_sql("tasks_app", "lock_leased"),
        {"ids": [task for task, _ in pairs], "leases": [lease for _, lease in pairs]},
    )
    return [ClaimedRow._make(row) for row in cursor.fetchall()]


def _ending(claim: ClaimedRow, row: SlotRow, *, was_killed: bool, all_returned: bool) -> Outcome:
    run_ms = max(0.0, (time.monotonic() - row.started) * 1000)
    processor = _processor(claim)
    if row.status == RowStatus.STARTED:
        if row.flags & InterruptFlag.MEMORY:
            return _out_of_memory(claim, processor, run_ms)
        if row.flags & InterruptFlag.TIMEOUT:
            return endings.timed_out(claim, processor=processor, run_ms=run_ms)
        if row.flags & InterruptFlag.CANCEL:
            return endings.cancelled(claim, run_ms=run_ms)
        if not was_killed:
            return _lost(claim, run_ms=run_ms)
    if all_returned and not row.flags & InterruptFlag.SHUTDOWN:
        # No other handler is to blame, so one of these is. Each runs alone from now on, and no
        # more often than LOST_LIMIT says.
        return _lost(claim, run_ms=run_ms)
    # It had returned, or its process was killed for another's sake: nothing speaks against it.
    return endings.interrupted(claim, run_ms=run_ms)


def _lost(claim: ClaimedRow, *, run_ms: float) -> Outcome:
    record = error_record(
        "WorkerLost",
        "The worker process ended while this task ran: it was killed, crashed, or out of memory.",
        ErrorCategory.WORKER_LOST,
    )
    is_poison = claim.lost_count + 1 >= settings.TASKPLANE["LOST_LIMIT"]
    return Outcome(
        id=claim.id,
        lease=claim.lease,
        state=(TaskState.FAILED if is_poison else TaskState.PENDING).value,
        outcome=AttemptOutcome.LOST.value,
        run_ms=run_ms,
        error=record,
        grant=0 if is_poison else 1,
        lost=1,
    )


def _out_of_memory(claim: ClaimedRow, processor: Processor | None, run_ms: float) -> Outcome:
    limit = settings.TASKPLANE["TASK_MEMORY_MAX_MB"]
    record = error_record(
        "MemoryLimitExceeded",
        f"The handler's process used more than the limit of {limit} MB, and was ended.",
        ErrorCategory.RESOURCE,
    )
    return endings.failed(claim, record, error=MemoryError(), processor=processor, run_ms=run_ms)


def _processor(claim: ClaimedRow) -> Processor | None:
    """The processor without its author's code: a rule that exits or sleeps would end or block the
    agent, and so lose every lease of its node."""
    try:
        return dataclasses.replace(registry.get(claim.type), retry_rule=None, category_of=None)
    except UnknownType:
        return None
