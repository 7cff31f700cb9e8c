"""What an agent does about running handlers: cancels, time-outs, shutdown, memory, hostages.

A handler is first asked, then interrupted by a signal, then its process is killed; the slot file
keeps the reason, so that the attempt's record is true also when nobody was left to write it.
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
from workers.bells import celery_queue
from workers.runtime import Runtime
from workers.slots import Ask, RowStatus, Slot, SlotRow

logger = logging.getLogger(__name__)

_HOSTAGE_SECONDS = 0.5  # how long a claimed row may wait behind a slow neighbour
_QUEUES_SECONDS = 1.0
_ORPHANS_SECONDS = 3.0  # between two looks for rows that no slot knows
_POLITE_SHARE = 0.4  # of the grace: asked only; afterwards also interrupted
_KILL_AFTER_INTERRUPT_SECONDS = 1.5

Key = tuple[UUID, UUID]  # task, lease


@dataclass
class _Supervisor:
    """What one agent remembers between passes."""

    node_id: int = 0
    queues_due: float = 0.0
    asked_since: dict[Key, float] = field(default_factory=dict)
    claimed_since: dict[Key, float] = field(default_factory=dict)
    orphans_due: float = 0.0
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
    _mind_lost_lease(runtime, rows)
    _mind_shutdown(runtime, rows, now)
    _mind_deadlines(rows, now)
    _mind_memory(slots, rows)
    _mind_cancels(runtime, rows, now)
    _free_hostages(rows, now)
    _adopt_orphans(runtime, slots, now)
    _tell_queues(runtime, now)


def _mind_lost_lease(runtime: Runtime, rows: list[tuple[Slot, SlotRow]]) -> None:
    """This node was declared lost and has a new row: whatever runs under the old one is void."""
    before, _supervisor.node_id = _supervisor.node_id, runtime.page.node_id
    if before in (0, runtime.page.node_id):
        return
    for slot, row in rows:
        slot.take_back(row)
        _interrupt(slot, row, Ask.LEASE_LOST)


def _mind_shutdown(runtime: Runtime, rows: list[tuple[Slot, SlotRow]], now: float) -> None:
    since = runtime.page.stopping_since
    grace: float = settings.TASKPLANE["SHUTDOWN_GRACE_SECONDS"]
    if not since or now - since < grace:
        return
    for slot, row in rows:
        if row.status == RowStatus.STARTED:
            _interrupt(slot, row, Ask.SHUTDOWN)
            if now - since > grace + _KILL_AFTER_INTERRUPT_SECONDS:
                _kill(slot, "it did not stop within the shutdown grace")


def _mind_deadlines(rows: list[tuple[Slot, SlotRow]], now: float) -> None:
    grace: float = settings.TASKPLANE["TIMEOUT_GRACE_SECONDS"]
    for slot, row in rows:
        if row.status == RowStatus.STARTED and now > row.deadline + grace:
            slot.ask(row, Ask.TIMEOUT | Ask.INTERRUPT)
            _kill(slot, f"task {row.task_id} ignored its time-out")


def _mind_memory(slots: list[Slot], rows: list[tuple[Slot, SlotRow]]) -> None:
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
                    slot.ask(row, Ask.MEMORY)
            _kill(slot, f"it uses {used >> 20} MB, more than {limit_mb} MB")


def _mind_cancels(runtime: Runtime, rows: list[tuple[Slot, SlotRow]], now: float) -> None:
    held = {(row.task_id, row.lease): (slot, row) for slot, row in rows}
    if not held or not runtime.page.node_id:
        return
    wanted = Task.objects.filter(
        node_id=runtime.page.node_id,
        state=TaskState.RUNNING,
        cancel_requested_at__isnull=False,
    ).values_list("id", "lease")
    asked = {key for key in wanted if key in held}
    since = {key: _supervisor.asked_since.get(key, now) for key in asked}
    _supervisor.asked_since = since
    grace: float = settings.TASKPLANE["CANCEL_GRACE_SECONDS"]
    for key, began in since.items():
        slot, row = held[key]
        slot.ask(row, Ask.CANCEL)
        if row.status != RowStatus.STARTED:
            continue
        if now - began >= grace * _POLITE_SHARE:
            _interrupt(slot, row, Ask.CANCEL)
        if now - began >= grace:
            _kill(slot, f"task {row.task_id} ignored its cancel")


def _free_hostages(rows: list[tuple[Slot, SlotRow]], now: float) -> None:
    """Give back rows that wait behind a neighbour slower than its like."""
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
        if now - began > _HOSTAGE_SECONDS and waiting[key][0].take_back(waiting[key][1])
    ]
    if taken:
        release_claims(taken)


def _adopt_orphans(runtime: Runtime, slots: list[Slot], now: float) -> None:
    """Hand back what this node holds and no slot knows: the commit of a claim whose child had
    given it up may land late, when a connection that was thought dead was only slow.

    Twice in a row, since a slot is read a moment after the rows.
    """
    if now < _supervisor.orphans_due or not runtime.page.node_id:
        return
    _supervisor.orphans_due = now + _ORPHANS_SECONDS
    running = Task.objects.filter(node_id=runtime.page.node_id, state=TaskState.RUNNING)
    leased = {(task, lease) for task, lease in running.values_list("id", "lease") if lease}
    known = {(row.task_id, row.lease) for slot in slots for row in slot.rows()}
    announced = {slot.announced for slot in slots}
    unknown = {key for key in leased - known if key[1] not in announced}
    lost, _supervisor.orphans = unknown & _supervisor.orphans, unknown
    if lost:
        logger.warning("Handing back %d rows that no slot knows", len(lost))
        release_claims(sorted(lost))


def _tell_queues(runtime: Runtime, now: float) -> None:
    """Tell main what to consume: the queues that task types name, and, for a worker that serves
    all, those that came into being meanwhile."""
    if now < _supervisor.queues_due or not runtime.serves_all:
        return
    _supervisor.queues_due = now + _QUEUES_SECONDS
    names = set(Queue.objects.values_list("name", flat=True).distinct())
    names.update(processor.queue for processor in registry.all_processors())
    runtime.write_queues(["celery", *map(celery_queue, names)])


def _interrupt(slot: Slot, row: SlotRow, reason: Ask) -> None:
    slot.ask(row, reason | Ask.INTERRUPT)
    try:
        os.kill(slot.pid, signal.SIGUSR2)
    except ProcessLookupError:
        return  # settled by the agent's next pass


def _kill(slot: Slot, why: str) -> None:
    process = (slot.pid, slot.pid_born)
    if process in _supervisor.killed:
        return
    _supervisor.killed.add(process)
    logger.warning("Killing pool child %d: %s", slot.pid, why)
    for row in slot.rows():
        slot.ask(row, Ask.KILLED)  # whoever dies by this is not to blame for it
    try:
        os.kill(slot.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # settled by the agent's next pass
