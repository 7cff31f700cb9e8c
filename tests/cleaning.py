"""Takes back what a test has committed.

Django would `flush`: empty every table, and make permissions, content types and the default
workspace again. Here only the tables that the test has written are touched, and rows that were
there before are put back as they were. Sequences go on, so that no id comes twice.
"""

from collections.abc import Callable
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

_SCHEMA = "before_tests"
_MIGRATIONS = "django_migrations"
# A deadlock with a component needs a step of that component at the same moment.
_TRIES = 5


def remember_rows() -> None:
    """Keep a copy of the rows that the database has now."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
        cursor.execute(f"CREATE SCHEMA {_SCHEMA}")
        for table in _filled(cursor, _tables()):
            cursor.execute(f'CREATE TABLE {_SCHEMA}."{table}" AS TABLE "{table}"')


def restore_rows() -> None:
    """Leave the database as `remember_rows` saw it."""
    _restore(_truncate)


def restore_rows_beside(*owners: str) -> None:
    """As `restore_rows`, while components work in the database. What begins with one of `owners`
    is theirs, and stays."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # No triggers: one of them refuses to delete from the audit log.
                cursor.execute("SET LOCAL session_replication_role = replica")
                _restore(_delete, owners)
            return
        except OperationalError as error:
            if not tries_left or not isinstance(error.__cause__, DeadlockDetected):
                raise


def _restore(empty: Callable[[Any, list[str]], None], owners: tuple[str, ...] = ()) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = %s::regnamespace",
            [_SCHEMA],
        )
        kept = {name for (name,) in cursor.fetchall()}
        tables = [table for table in _tables() if not table.startswith(owners or "-")]
        if written := _filled(cursor, [table for table in tables if table not in kept]):
            empty(cursor, written)
        for table in tables:
            if table in kept and _has_changed(cursor, table):
                # Foreign keys, where they are checked, are at the end of the transaction.
                cursor.execute(f'DELETE FROM "{table}"')
                cursor.execute(f'INSERT INTO "{table}" TABLE {_SCHEMA}."{table}"')


def _truncate(cursor: Any, tables: list[str]) -> None:
    cursor.execute("TRUNCATE " + ", ".join(f'"{table}"' for table in tables) + " CASCADE")


def _delete(cursor: Any, tables: list[str]) -> None:
    """Without locks on whole tables, which the components would run into. The notes of changes go
    before the counts (`taskcountchange`, then `taskcount`), as the dispatcher locks them."""
    for table in reversed(tables):
        cursor.execute(f'DELETE FROM "{table}"')


def _has_changed(cursor: Any, table: str) -> bool:
    now, before = f'TABLE "{table}"', f'TABLE {_SCHEMA}."{table}"'
    cursor.execute(f"SELECT EXISTS ({now} EXCEPT {before}) OR EXISTS ({before} EXCEPT {now})")
    return bool(cursor.fetchone()[0])


def _tables() -> list[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted(set(names) - {_MIGRATIONS})


def _filled(cursor: Any, tables: list[str]) -> list[str]:
    """Those that have a row."""
    cursor.execute(
        " UNION ALL ".join(
            f"""SELECT '{table}' WHERE EXISTS (SELECT 1 FROM "{table}")""" for table in tables
        )
    )
    return [table for (table,) in cursor.fetchall()]
