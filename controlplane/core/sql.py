"""Statements in files (`<app>/sql/<verb_noun>.sql`), and connections to run them on."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

DATABASE_ERRORS = (DatabaseError, InterfaceError, psycopg.Error)


@cache
def load_sql(app: str, name: str) -> str:
    """The statement `<app>/sql/<name>.sql`; `app` is the package, such as `tasks_app`. Raises
    FileNotFoundError: there is no such statement."""
    return (files(app) / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def release_connection(using: str = "default") -> None:
    """Return the connection to its pool before long work without the database; the next query takes
    one again. An open transaction keeps its connection."""
    connection = connections[using]
    if not connection.in_atomic_block:
        connection.close()


def prepared_cursor(using: str) -> psycopg.Cursor[tuple[Any, ...]]:
    """A cursor on Django's connection that lets the server prepare repeated statements, which
    Django's own cursors do not. Raises psycopg's errors: wrap them where Django's are expected.
    """
    wrapper = connections[using]
    wrapper.ensure_connection()
    return psycopg.Cursor(wrapper.connection)


def writing_cursor(
    using: str, on_sent: Callable[[], None] | None = None
) -> "WritingCursor | psycopg.Cursor[tuple[Any, ...]]":
    """A cursor on Django's connection for statements that return no rows. `on_sent` is called while
    the server works on a statement that commits; not inside a transaction. Raises psycopg's errors,
    as `prepared_cursor` does."""
    return writing_cursor_on(connections[using], on_sent)


def writing_cursor_on(
    wrapper: BaseDatabaseWrapper, on_sent: Callable[[], None] | None = None
) -> "WritingCursor | psycopg.Cursor[tuple[Any, ...]]":
    """As writing_cursor, on a wrapper that the caller has at hand."""
    if wrapper.connection is None:
        wrapper.ensure_connection()
    connection: psycopg.Connection[Any] = wrapper.connection
    # psycopg's own cursors begin a transaction where one is due, and know when not to prepare.
    if connection.autocommit and connection.prepare_threshold is not None:
        return WritingCursor(connection, on_sent)
    return psycopg.Cursor(connection)


class WritingCursor:
    """Runs prepared statements that return no rows, for half the CPU of psycopg's cursors: values
    are sent as text, and nothing is kept of an answer. A statement has one transaction.

    Takes None, texts, numbers, UUIDs, aware times and lists of texts.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], on_sent: Callable[[], None] | None = None
    ) -> None:
        self._connection = connection
        self._on_sent = on_sent
        self.rowcount = -1

    def execute(self, query: str, params: Sequence[Any]) -> None:
        """Run the statement, which has a `%s` for each value. Raises psycopg's errors."""
        connection, name = self._connection, _name_of(query)
        server = connection.pgconn
        values = [None if value is None else _as_text(value) for value in params]
        with connection.lock:
            prepared = _prepared.get(connection)
            if prepared is None:
                prepared = _prepared[connection] = set()
            if name not in prepared:
                server.send_prepare(name, _numbered(query))
                _check(*connection.wait(generators.execute(server)))
                prepared.add(name)
            server.send_query_prepared(name, values)
            if self._on_sent is not None:
                self._on_sent()
            result = _check(*connection.wait(generators.execute(server)))
        self.rowcount = result.command_tuples or 0


_prepared: WeakKeyDictionary[psycopg.Connection[Any], set[bytes]] = WeakKeyDictionary()


@cache
def _name_of(query: str) -> bytes:
    return b"writing_" + hashlib.sha256(query.encode()).hexdigest()[:16].encode()


@cache
def _numbered(query: str) -> bytes:
    """The query with `$1`, `$2` and so on, as the server wants it."""
    first, *others = query.split("%s")
    return (first + "".join(f"${n}{part}" for n, part in enumerate(others, 1))).encode()


def _check(result: PGresult) -> PGresult:
    if result.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result)
    return result


def _as_text(value: Any) -> bytes:
    """A value as Postgres reads it. Raises psycopg.DataError, UnicodeEncodeError."""
    return _WRITERS.get(type(value), _write_other)(value)


def _write_text(value: str) -> bytes:
    text = value.encode()
    if b"\0" in text:  # the text would end there
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return text


def _write_list(value: list[str]) -> bytes:
    return _write_text("{" + ",".join(map(_quoted, value)) + "}") if value else b"{}"


def _write_other(value: Any) -> bytes:
    """For types that are derived from one of those below."""
    return _write_list(value) if isinstance(value, list) else _write_text(str(value))


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    str: _write_text,
    int: lambda value: b"%d" % value,
    bool: lambda value: b"t" if value else b"f",
    UUID: lambda value: b"%032x" % value.int,
    datetime: lambda value: value.isoformat().encode(),
    list: _write_list,
}


def _quoted(text: str) -> str:
    """As an element of an array."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_transient(error: BaseException) -> bool:
    """A lost connection, a deadlock, a serialization failure, a starting or stopping server."""
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
    state = getattr(cause, "sqlstate", None)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError | psycopg.OperationalError)
    return state[:2] in ("08", "40", "53", "57") or state == "55P03"


def release_connections() -> None:
    """Give pooled connections back to the pool, and close others that are broken, except inside a
    transaction.

    Used when a request no longer needs the database, or not for a while: while a password is
    hashed, or while a client reads its response.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            continue
        if connection.settings_dict["OPTIONS"].get("pool"):
            connection.close()
        else:
            connection.close_if_unusable_or_obsolete()
