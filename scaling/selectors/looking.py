"""One look at the database: everything as of one moment, and in a bounded time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

SECONDS = 5.0  # for one query


@contextmanager
def one_snapshot(seconds: float = SECONDS) -> Iterator[datetime]:
    """A transaction that reads, all of it as of one moment of the database's clock, which it gives.

    Within another transaction each query sees what is committed by then. Raises OperationalError
    when a query takes longer than `seconds`.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(
            # Compiling these statements takes longer than running them.
            "SELECT clock_timestamp(), set_config('statement_timeout', %s, true),"
            " set_config('jit', 'off', true)",
            [f"{seconds}s"],
        )
        yield cursor.fetchone()[0]
