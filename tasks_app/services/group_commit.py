"""Group commit: tasks that arrive together in this process, on whatever thread, share one INSERT
and one commit.

The first to arrive leads: it commits at once. Those that arrive while a commit is under way wait;
then one of them leads the next commit, with all that wait by then. Whatever becomes of a shared
commit, a task that it has not committed for certain is inserted again alone, by its own thread and
on its own connection. So a bad task fails alone, and the end of one connection is one thread's
error. Ids are made before the first try: a task that was committed after all is found, not doubled.
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Sequence
from enum import Enum, auto

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.asyncio import async_unsafe

from controlplane.core.sql import DATABASE_ERRORS, is_transient, writing_cursor_on
from tasks_app import transitions
from tasks_app.rows import NewTask
from tasks_app.services.queues import get_lane_name, notify_for
from tasks_app.states import TaskState
from tasks_app.wakeups import EarlyWakeUp

MAX_ROWS = 100  # of one commit
MAX_BYTES = 1_048_576  # of their payloads
_PATIENCE_SECONDS = 2.0  # then a thread stops waiting for others
_ID_INDEX = "tasks_app_task_pkey"
_PENDING = TaskState.PENDING.value
# What a database, or writing the statement for it, says of a row. Anything else interrupts.
_REFUSALS = (*DATABASE_ERRORS, TypeError, ValueError)


class _Verdict(Enum):
    LEAD = auto()
    COMMITTED = auto()
    ALONE = auto()


class _Member:
    """The rows of one caller, and the gate at which its thread waits for the verdict."""

    __slots__ = ("_gate", "rows", "verdict")

    def __init__(self, rows: Sequence[NewTask]) -> None:
        self.rows = rows
        self.verdict: _Verdict | None = None

    def close_gate(self) -> None:
        """Before others know of it: from here on they may call."""
        self._gate = threading.Lock()  # cheaper than an Event
        self._gate.acquire()

    def wait(self) -> None:
        self._gate.acquire(timeout=_PATIENCE_SECONDS)

    def call(self) -> None:
        self._gate.release()


class CommitGroup:
    """The commits of one process on one database alias."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Member] = deque()
        self._leader: _Member | None = None

    def insert(
        self, rows: Sequence[NewTask], wrapper: BaseDatabaseWrapper
    ) -> list[BaseException | None]:
        """Commit rows on this thread's connection, or have another thread do so, and wake workers
        for them. Returns the error of each row that was refused.

        Raises what interrupts the thread: then nobody knows whether its rows are committed.
        """
        member = _Member(rows)
        try:
            self._join(member)
            if member.verdict is _Verdict.LEAD:
                self._commit(member, wrapper)
        except _REFUSALS as error:
            if len(rows) == 1 and (member.verdict is _Verdict.LEAD or is_transient(error)):
                return [error]
        finally:
            if member.verdict is not _Verdict.COMMITTED:  # then it has left already
                self._leave(member)
        if member.verdict is _Verdict.COMMITTED:
            return [None] * len(rows)
        errors = [insert_alone(row, wrapper) for row in rows]
        return [None if _is_there_already(error) else error for error in errors]

    def _join(self, member: _Member) -> None:
        with self._lock:
            if self._leader is None:
                self._leader = member
                member.verdict = _Verdict.LEAD
                return
            member.close_gate()
            self._waiting.append(member)
        member.wait()

    def _commit(self, leader: _Member, wrapper: BaseDatabaseWrapper) -> None:
        # Read without the lock: one who arrives now is served by the next commit.
        others = self._take(leader) if self._waiting else []
        members = [leader, *others]
        verdict = _Verdict.LEAD if len(members) == 1 else _Verdict.ALONE
        try:
            _insert_and_notify([row for member in members for row in member.rows], wrapper)
            verdict = _Verdict.COMMITTED
        finally:
            self._leave(leader)  # the next commit begins while this one is answered
            leader.verdict = verdict
            for member in others:
                member.verdict = verdict
                member.call()

    def _take(self, leader: _Member) -> list[_Member]:
        """Those who wait, as many as fit into a commit with what the leader has."""
        taken: list[_Member] = []
        rows, size = len(leader.rows), _count_bytes(leader)
        with self._lock:
            while self._waiting:
                rows += len(self._waiting[0].rows)
                size += _count_bytes(self._waiting[0])
                if rows > MAX_ROWS or size > MAX_BYTES:
                    break
                taken.append(self._waiting.popleft())
        return taken

    def _leave(self, member: _Member) -> None:
        """Neither wait nor lead any more. One who has waited too long takes the lead from a thread
        that is stuck, so that others need not wait as long."""
        with self._lock:
            is_late = member.verdict is None
            if is_late and member in self._waiting:
                self._waiting.remove(member)
            if self._leader is not member and not is_late:
                return
            self._leader = self._waiting.popleft() if self._waiting else None
            if self._leader is not None:
                self._leader.verdict = _Verdict.LEAD
                self._leader.call()


def insert_alone(row: NewTask, wrapper: BaseDatabaseWrapper) -> BaseException | None:
    """Insert a row and wake workers for it. Returns the error if it was refused."""
    try:
        _insert_and_notify([row], wrapper)
    except _REFUSALS as error:
        return error
    return None


def _insert_and_notify(rows: Sequence[NewTask], wrapper: BaseDatabaseWrapper) -> None:
    """Insert rows in one statement, and wake workers once it is committed; for one row beside the
    commit, where workers wait."""
    early = None
    if len(rows) == 1 and rows[0].state == _PENDING:
        early = EarlyWakeUp(get_lane_name(rows[0].queue_id, using=wrapper.alias))
    with wrapper.wrap_database_errors:
        cursor = writing_cursor_on(wrapper, on_sent=early.send if early else None)
        transitions.insert_few_tasks(cursor, rows)
    if early is None or not early.is_enough():
        notify_for(rows, wrapper)


def _count_bytes(member: _Member) -> int:
    return sum(len(row.payload) for row in member.rows)


def _is_there_already(error: BaseException | None) -> bool:
    """Whether the row was committed by a try whose answer was lost."""
    cause = None if error is None else error.__cause__
    return (
        isinstance(cause, psycopg.errors.UniqueViolation)
        and cause.diag.constraint_name == _ID_INDEX
    )


_groups: dict[str, CommitGroup] = {}


def may_share(wrapper: BaseDatabaseWrapper) -> bool:
    """Whether this thread has no transaction of its own on `wrapper`, so that its rows may be
    committed with those of others. Needs no connection."""
    if asyncio._get_running_loop() is not None:
        _refuse_in_event_loop()
    if wrapper.connection is None:
        return bool(wrapper.settings_dict["AUTOCOMMIT"]) and not wrapper.in_atomic_block
    return bool(wrapper.autocommit)  # not inside of atomic()


@async_unsafe
def _refuse_in_event_loop() -> None:
    """Raises what Django raises; it asks in a way that costs more where there is no loop."""


def get_group(using: str) -> CommitGroup:
    if using not in _groups:
        _groups[using] = _groups.setdefault(using, CommitGroup())
    return _groups[using]
