"""Counting statements, also those that do not go through Django's cursors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

# Transactions are no queries: inside a test's transaction each block has two more of them.
_FRAME = ("SAVEPOINT", "RELEASE SAVEPOINT", "BEGIN", "COMMIT", "ROLLBACK")


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The statements that this process sends while the block lasts."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def count(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if not text.lstrip().startswith(_FRAME):
            sent.append(text)
        return execute(cursor, query, *arguments, **options)

    psycopg.Cursor.execute = count  # type: ignore[method-assign,assignment] # put back below
    try:
        yield sent
    finally:
        psycopg.Cursor.execute = execute  # type: ignore[method-assign] # as it was
