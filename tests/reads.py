"""How many rows a call reads."""

from collections.abc import Callable

from django.db import connection


def rows_read(table: str, call: Callable[[], object]) -> int:
    """The rows of a table that a call reads, also those that it then leaves out."""
    before = _rows_read(table)
    call()
    return _rows_read(table) - before


def _rows_read(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = %s",
            [table],
        )
        found: int = cursor.fetchone()[0]
        return found
