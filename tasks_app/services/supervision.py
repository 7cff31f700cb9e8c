"""The agent's supervision of running handlers: cancels, time-outs, shutdown, memory, stalled
claims.

A handler first sees a flag, then it is interrupted by a signal, then its process is killed. The
slot file keeps the reason, so that the attempt's record is right even if the process is gone.
"""

import logging
import os
import signal
import time
from dataclasses import dataclass, field
from uuid import UUID

import psutil
from django.conf import settings

from controlplane.core.process_state import register_reset
from tasks_app.models import Queue, Task
from tasks_app.processors import registry
from tasks_app.services.rescue import release_claims
from tasks_app.states import TaskState
from workers.naming import celery_queue
from workers.runtime import Runtime
from workers.slots import InterruptFlag, RowStatus, Slot, SlotRow

logger = logging.getLogger(__name__)

_STALLED_CLAIM_SECONDS = 0.5  # how long a claimed row may wait behind a slow neighbour
_QUEUES_SECONDS = 1.0
_UNKNOWN_CLAIMS_SECONDS = 3.0  # between two looks for rows that no slot knows
_FLAG_ONLY_SHARE = 0.4  # of the grace: only flagged; afterwards also interrupted
_KILL_AFTER_INTERRUPT_SECONDS = 1.5

Key = tuple[UUID, UUID]  # task, lease


@dataclass
class _Supervisor:
    """The state of one agent between passes."""

    node_id: int = 0
    queues_due: float = 0.0
    cancel_seen_at: dict[Key, float] = field(default_factory=dict)
    claimed_since: dict[Key, float] = field(default_factory=dict)
    unknown_claims_due: float = 0.0
    orphans: set[Key] = field(default_factory=set)
    killed: set[tuple[int, float]] = field(default_factory=set)  # process id and birth


_supervisor = _Supervisor()


def _forget() -> None:
    global _supervisor  # noqa: PLW0603 - one process has one agent
    _supervisor = _Supervisor()


register_reset(_forget)


def supervise(runtime: Runtime, slots: list[Slot]) -> None:
    """One pass over the slots of a worker. Raises database errors: the next pass repeats it."""
    now = time.monotonic()
    rows = [(slot, row) for slot in slots for row in slot.rows()]
    _interrupt_after_lost_lease(runtime, rows)
    _interrupt_for_shutdown(runtime, rows, now)
    _enforce_time_outs(rows, now)
    _enforce_memory_limit(slots, rows)
    _apply_cancels(runtime, rows, now)
    _release_stalled_claims(rows, now)
    _release_unknown_claims(runtime, slots, now)
    _publish_queues(runtime, now)


def _interrupt_after_lost_lease(runtime: Runtime, rows: list[tuple[Slot, SlotRow]]) -> None:
    """This node was declared lost and has a new row: handlers of the old one are interrupted."""
    before, _supervisor.node_id = _supervisor.node_id, runtime.node_state.node_id
    if before in (0, runtime.node_state.node_id):
        return
    for slot, row in rows:
        slot.take_back(row)
        _interrupt(slot, row, InterruptFlag.LEASE_LOST)


def _interrupt_for_shutdown(runtime: Runtime, rows: list[tuple[Slot, SlotRow]], now: float) -> None:
    since = runtime.node_state.stopping_since
    grace: float = settings.TASKPLANE["SHUTDOWN_GRACE_SECONDS"]
    if not since or now - since < grace:
        return
    for slot, row in rows:
        if row.status == RowStatus.STARTED:
            _interrupt(slot, row, InterruptFlag.SHUTDOWN)
            if now - since > grace + _KILL_AFTER_INTERRUPT_SECONDS:
                _kill(slot, "it did not stop within the shutdown grace")


def _enforce_time_outs(rows: list[tuple[Slot, SlotRow]], now: float) -> None:
    grace: float = settings.TASKPLANE["TIMEOUT_GRACE_SECONDS"]
    for slot, row in rows:
        if row.status == RowStatus.STARTED and now > row.deadline + grace:
            slot.set_flags(row, InterruptFlag.TIMEOUT | InterruptFlag.INTERRUPT)
            _kill(slot, f"task {row.task_id} ignored its time-out")


def _enforce_memory_limit(slots: list[Slot], rows: list[tuple[Slot, SlotRow]]) -> None:
    limit_mb: int = settings.TASKPLANE["TASK_MEMORY_MAX_MB"]
    if not limit_mb:
        return
    for slot in slots:
        try:
            used = psutil.Process(slot.pid).memory_info().rss
        except psutil.NoSuchProcess:
            continue
        if used > limit_mb * 1024 * 1024:
            for owner, row in rows:
                if owner is slot and row.status == RowStatus.STARTED:
                    slot.set_flags(row, InterruptFlag.MEMORY)
            _kill(slot, f"it uses {used >> 20} MB, more than {limit_mb} MB")


def _apply_cancels(runtime: Runtime, rows: list[tuple[Slot, SlotRow]], now: float) -> None:
    held = {(row.task_id, row.lease): (slot, row) for slot, row in rows}
    if not held or not runtime.node_state.node_id:
        return
    wanted = Task.objects.filter(
        node_id=runtime.node_state.node_id,
        state=TaskState.RUNNING,
        cancel_requested_at__isnull=False,
    ).values_list("id", "lease")
    asked = {key for key in wanted if key in held}
    since = {key: _supervisor.cancel_seen_at.get(key, now) for key in asked}
    _supervisor.cancel_seen_at = since
    grace: float = settings.TASKPLANE["CANCEL_GRACE_SECONDS"]
    for key, began in since.items():
        slot, row = held[key]
        slot.set_flags(row, InterruptFlag.CANCEL)
        if row.status != RowStatus.STARTED:
            continue
        if now - began >= grace * _FLAG_ONLY_SHARE:
            _interrupt(slot, row, InterruptFlag.CANCEL)
        if now - began >= grace:
            _kill(slot, f"task {row.task_id} ignored its cancel")


def _release_stalled_claims(rows: list[tuple[Slot, SlotRow]], now: float) -> None:
    """Hand back claimed rows that wait behind an unusually slow neighbour."""
    waiting = {
        (row.task_id, row.lease): (slot, row)
        for slot, row in rows
        if row.status == RowStatus.CLAIMED
    }
    since = {key: _supervisor.claimed_since.get(key, now) for key in waiting}
    _supervisor.claimed_since = since
    taken = [
        key
        for key, began in since.items()
        if now - began > _STALLED_CLAIM_SECONDS and waiting[key][0].take_back(waiting[key][1])
    ]
    if taken:
        release_claims(taken)


def _release_unknown_claims(runtime: Runtime, slots: list[Slot], now: float) -> None:
    """Hand back rows that this node holds and no slot knows: the commit of a claim that its child
    gave up may arrive late, when a connection was slow, not dead.

    Only rows found twice in a row, since a slot is read a moment after the rows.
    """
    if now < _supervisor.unknown_claims_due or not runtime.node_state.node_id:
        return
    _supervisor.unknown_claims_due = now + _UNKNOWN_CLAIMS_SECONDS
    running = Task.objects.filter(node_id=runtime.node_state.node_id, state=TaskState.RUNNING)
    leased = {(task, lease) for task, lease in running.values_list("id", "lease") if lease}
    known = {(row.task_id, row.lease) for slot in slots for row in slot.rows()}
    announced = {slot.announced for slot in slots}
    unknown = {key for key in leased - known if key[1] not in announced}
    lost, _supervisor.orphans = unknown & _supervisor.orphans, unknown
    if lost:
        logger.warning("Unknown claims released: tasks=%d", len(lost))
        release_claims(sorted(lost))


def _publish_queues(runtime: Runtime, now: float) -> None:
    """Write down for the main process which queues to consume: those that task types name, and all
    that exist."""
    if now < _supervisor.queues_due or not runtime.serves_all:
        return
    _supervisor.queues_due = now + _QUEUES_SECONDS
    names = set(Queue.objects.values_list("name", flat=True).distinct())
    names.update(processor.queue for processor in registry.all_processors())
    runtime.write_queues(["celery", *map(celery_queue, names)])


def _interrupt(slot: Slot, row: SlotRow, reason: InterruptFlag) -> None:
    slot.set_flags(row, reason | InterruptFlag.INTERRUPT)
    try:
        os.kill(slot.pid, signal.SIGUSR2)
    except ProcessLookupError:
        return  # settled by the agent's next pass


def _kill(slot: Slot, why: str) -> None:
    process = (slot.pid, slot.pid_born)
    if process in _supervisor.killed:
        return
    _supervisor.killed.add(process)
    logger.warning("Pool child killed: pid=%d reason=%s", slot.pid, why)
    for row in slot.rows():
        slot.set_flags(row, InterruptFlag.KILLED)  # no task ended by this is counted as the cause
    try:
        os.kill(slot.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # settled by the agent's next pass
