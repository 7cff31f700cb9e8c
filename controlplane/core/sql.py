"""Statements in files (`<app>/sql/<verb_noun>.sql`), and connections to run them on."""

from functools import cache
from importlib.resources import files
from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connections

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
