"""The database connections that handlers open, thread by thread.

A handler's transaction must not outlive it: a neighbour that writes inside it is recorded as
COMPLETED, and its rows vanish with the rollback. The same applies to session settings, locks, and
dead connections. Django sends a signal for every new connection, so a handler that uses none costs
nothing here.
"""

import logging
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import psycopg
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg import pq

logger = logging.getLogger(__name__)

ENGINE_ALIAS = "engine"
"""The engine's own connection, which no handler may use."""

# Everything that a session keeps outside a transaction, as DISCARD ALL, but for the statements that
# psycopg prepared and expects to find again. The last statement lists those made by PREPARE.
_RESET = (
    b"CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *;"
    b" SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES;"
    b" SELECT FROM pg_prepared_statements WHERE from_sql LIMIT 1"
)
# An idle connection may also have been cut off without a word: past this it is asked.
_TRUSTED_SECONDS = 10.0
_OPEN_TRANSACTION = "an open database transaction"


@dataclass(slots=True, eq=False)
class _Watched:
    """The state of a connection when it was opened."""

    wrapper: BaseDatabaseWrapper
    raw: Any
    options: tuple[Any, ...]
    is_used: bool = True  # something was sent since the last reset
    poll: Any = None
    checked_at: float = 0.0

    @property
    def is_postgres(self) -> bool:
        return isinstance(self.raw, psycopg.Connection)

    def is_dead_or_old(self) -> bool:
        """Whether the server has closed it, or it is past its age. Without a round trip while it is
        in steady use: a server has nothing to say to an idle connection but its end."""
        now = monotonic()
        close_at = self.wrapper.close_at
        if close_at is not None and now >= close_at:
            return True
        if self.poll is not None and self.poll.poll(0):
            return True
        return now - self.checked_at > _TRUSTED_SECONDS and not self.reset()

    def find_left(self) -> str | None:
        """What the handler left behind; an empty string if the connection is only broken, None if
        it is unchanged."""
        wrapper = self.wrapper
        if wrapper.in_atomic_block or wrapper.savepoint_ids or wrapper.run_on_commit:
            return _OPEN_TRANSACTION
        if self.is_postgres:
            if self.raw.closed:
                return ""
            status = self.raw.pgconn.transaction_status
            if status != pq.TransactionStatus.IDLE:
                return "" if status == pq.TransactionStatus.UNKNOWN else _OPEN_TRANSACTION
            if self.raw.pgconn.pipeline_status != pq.PipelineStatus.OFF:
                return "a database connection in pipeline mode"
        if wrapper.autocommit is not wrapper.settings_dict["AUTOCOMMIT"]:
            return "autocommit switched off"
        if _options_of(self.raw) != self.options or wrapper.execute_wrappers:
            return "changed options of a database connection"
        return None

    def reset(self) -> bool:
        """Reset the session. Returns False if the connection can no longer be used."""
        self.checked_at = monotonic()
        if not self.is_postgres:
            self.is_used = False
            return not self.wrapper.errors_occurred or self.wrapper.is_usable()
        try:
            result = self.raw.pgconn.exec_(_RESET)
            if result.status != pq.ExecStatus.TUPLES_OK or result.ntuples:
                return False
            # The zone and the role that Django set when it connected.
            self.wrapper._configure_connection(self.raw)  # type: ignore[attr-defined]
        except psycopg.Error as error:
            logger.info("Handlers' connection dropped: error=%s", error)
            return False
        self.wrapper.errors_occurred = False
        self.is_used = False
        return True


class ThreadConnections:
    """The handlers' connections of one thread. Only `close_idle` may be called by another."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}  # by the wrapper's id
        self._thread = threading.current_thread()

    def __bool__(self) -> bool:
        return bool(self._watched)

    @property
    def is_orphaned(self) -> bool:
        """The thread has ended."""
        return not self._thread.is_alive()

    def add(self, wrapper: BaseDatabaseWrapper) -> None:
        watched = _Watched(wrapper, wrapper.connection, _options_of(wrapper.connection))
        if watched.is_postgres:
            watched.poll = select.poll()
            watched.poll.register(watched.raw.pgconn.socket, select.POLLIN)
            _note_use(watched)
        watched.checked_at = monotonic()
        self._watched[id(wrapper)] = watched

    def drop_dead(self) -> None:
        """Before a handler: forget connections that the server has closed, so that the handler
        opens a new one."""
        for key, watched in list(self._watched.items()):
            if watched.is_dead_or_old():
                self._drop(key)

    def clean(self) -> list[str]:
        """After a handler: roll back and close what is not idle, and reset what was used. Returns
        what the handler left."""
        left = []
        for key, watched in list(self._watched.items()):
            if connections[watched.wrapper.alias] is not watched.wrapper:
                self._drop(key)  # a copy of the handler's own
                continue
            if watched.wrapper.connection is not watched.raw:
                if watched.wrapper.in_atomic_block:
                    left.append(_OPEN_TRANSACTION)
                self._drop(key)
                continue
            problem = watched.find_left()
            if problem is None and watched.is_used and not watched.reset():
                problem = ""
            if problem is not None:
                self._drop(key)
                left.extend([problem] if problem else [])
        return left

    def drop_all(self) -> None:
        """Close them all: an exception at an arbitrary line may have interrupted a query or a
        COMMIT, which would affect the next handler on that connection."""
        for key in list(self._watched):
            self._drop(key)

    def close_idle(self) -> list[str]:
        """From another thread: close the connections that the thread is not using. Returns those in
        use."""
        busy = []
        for key, watched in list(self._watched.items()):
            lock = getattr(watched.raw, "lock", None)
            if lock is None or not lock.acquire(blocking=False):
                busy.append("a thread that uses a database connection")
                continue
            try:
                if not self.is_orphaned and watched.find_left() == _OPEN_TRANSACTION:
                    busy.append("a thread with an open database transaction")
                    continue
                watched.wrapper.inc_thread_sharing()
                watched.wrapper.close()
                watched.wrapper.dec_thread_sharing()
                self._watched.pop(key, None)
            finally:
                lock.release()
        return busy

    def forget_all(self) -> None:
        """In a forked child: the sockets belong to the parent; abandon them without a message to
        the server. libpq's handle belongs to the parent's process id and is not finished here."""
        for watched in self._watched.values():
            watched.wrapper.connection = None
            _forget_wrapper(watched.wrapper)
        self._watched.clear()

    def _drop(self, key: int) -> None:
        watched = self._watched.pop(key)
        try:
            watched.raw.close()
        except Exception:
            logger.exception("Handler's connection not closed")
        if watched.wrapper.connection in (watched.raw, None):
            watched.wrapper.connection = None
            _forget_wrapper(watched.wrapper)


@dataclass
class HandlerConnections:
    """The connections of all threads of this process."""

    _local: threading.local = field(default_factory=threading.local)
    _others: list[ThreadConnections] = field(default_factory=list)
    _main: ThreadConnections = field(default_factory=ThreadConnections)
    _engine: Any = None  # the engine's wrapper
    engine_uses: int = 0
    """A counter that increases with everything sent on the engine's connection."""

    @property
    def main(self) -> ThreadConnections:
        return self._main

    def install(self) -> None:
        """Start watching. Call it once in each process, in its main thread."""
        self._local.own = self._main
        connection_created.connect(self._on_created, weak=False, dispatch_uid="taskplane-isolation")

    def of_this_thread(self) -> ThreadConnections:
        own: ThreadConnections | None = getattr(self._local, "own", None)
        if own is None:
            own = self._local.own = ThreadConnections()
        return own

    def adopt_this_thread(self) -> ThreadConnections:
        """As `of_this_thread`, for a thread that cleans up by itself after each call."""
        own = self.of_this_thread()
        self._local.is_adopted = True
        if own in self._others:
            self._others.remove(own)
        return own

    @property
    def has_others(self) -> bool:
        """Threads that handlers started have connections."""
        return bool(self._others)

    def has_touched_engine(self, uses: int) -> bool:
        """Whether the engine's connection was used or changed since `engine_uses` was `uses`."""
        engine = self._engine
        if self.engine_uses != uses:
            return True
        return engine is not None and bool(engine.execute_wrappers or engine.in_atomic_block)

    def drop_engine(self) -> None:
        """Close the engine's connection, so that it opens a new one."""
        engine, self._engine = self._engine, None
        if engine is not None:
            with suppress(Exception):
                engine.connection.close()
            engine.connection = None
            _forget_wrapper(engine)

    def clean_other_threads(self) -> list[str]:
        """Close unused connections of threads that handlers started."""
        left: list[str] = []
        for others in list(self._others):
            left += others.close_idle()
            if not others:
                self._others.remove(others)
        return left

    def forget_all(self) -> None:
        """In a forked child."""
        self._main.forget_all()
        for others in self._others:
            others.forget_all()
        engine = connections[ENGINE_ALIAS]
        engine.connection = None
        _forget_wrapper(engine)

    def _on_created(self, connection: BaseDatabaseWrapper, **_: Any) -> None:
        own = self.of_this_thread()
        if connection.alias == ENGINE_ALIAS and own is self._main:
            self._engine = connection
            _before_wait(connection.connection, self._count_engine_use)
            return
        own.add(connection)
        is_adopted = own is self._main or getattr(self._local, "is_adopted", False)
        if not is_adopted and own not in self._others:
            self._others.append(own)

    def _count_engine_use(self) -> None:
        self.engine_uses += 1


def _options_of(raw: Any) -> tuple[Any, ...]:
    """The settings that a handler can change on a connection without a message to the server."""
    if not isinstance(raw, psycopg.Connection):
        return ()
    return (
        raw.autocommit,
        raw.isolation_level,
        raw.read_only,
        raw.deferrable,
        raw.row_factory,
        raw.cursor_factory,
        raw.prepare_threshold,
    )


def _note_use(watched: _Watched) -> None:
    def note() -> None:
        watched.is_used = True

    _before_wait(watched.raw, note)


def _before_wait(raw: Any, note: Callable[[], None]) -> None:
    """Have a driver's connection call `note` whenever it is used. Everything that psycopg sends
    passes `wait`, also what does not come from Django's cursors."""
    wait = raw.wait

    def noting_wait(*args: Any, **kwargs: Any) -> Any:
        note()
        return wait(*args, **kwargs)

    raw.wait = noting_wait


def _forget_wrapper(wrapper: BaseDatabaseWrapper) -> None:
    """Have Django make a new wrapper for this thread: an old one keeps the marks of the atomic
    blocks that were open in it."""
    alias = wrapper.alias
    if alias in connections and connections[alias] is wrapper:
        del connections[alias]
