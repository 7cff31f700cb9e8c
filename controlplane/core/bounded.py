"""Queries that end after a while, because no index serves them."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import OperationalError, connection, transaction

from controlplane.core.errors import Invalid


@contextmanager
def bounded_time(seconds: float, advice: str) -> Iterator[None]:
    """End queries that take longer, in a transaction of their own.

    Raises Invalid with the advice, a sentence, instead of keeping a client and a connection
    waiting.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise Invalid(
                f"This search takes more than {seconds:g} s, since no index serves it. {advice}"
            ) from error
        raise
