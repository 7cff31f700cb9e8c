"""Values pass through `writing_cursor` as through psycopg's own cursors, with the same errors."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, connections, transaction

from controlplane.core.sql import WritingCursor, writing_cursor

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

_INSERT = "INSERT INTO test_written VALUES (%s, %s, %s, %s, %s, %s, %s)"
_TAGS = ["plain", 'a "quoted" one', "back\\slash", "a,b", "{}", "NULL", "", "zwölf ✓"]


@pytest.fixture(autouse=True)
def _table() -> Iterator[None]:
    columns = "a text, b int CHECK (b < 100), c uuid, d timestamptz, e bool, f text[], g jsonb"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE test_written ({columns})")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE test_written")


def rows() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM test_written ORDER BY b")
        return list(cursor.fetchall())


def test_values_are_what_they_were() -> None:
    moment, key = datetime(2026, 1, 31, 23, 59, 59, 123456, UTC), uuid4()
    cursor = writing_cursor("default")
    assert isinstance(cursor, WritingCursor)
    cursor.execute(_INSERT, ["it's 100 % ünï", 1, key, moment, True, _TAGS, '{"n": 1.0}'])
    assert cursor.rowcount == 1
    writing_cursor("default").execute(_INSERT, [None, 2, None, None, False, [], None])
    assert rows() == [
        ("it's 100 % ünï", 1, key, moment, True, _TAGS, '{"n": 1.0}'),
        (None, 2, None, None, False, [], None),
    ]


@pytest.mark.parametrize(
    ("value", "number", "error"),
    [
        ("a\0b", 1, psycopg.DataError),
        ("\ud800", 1, UnicodeEncodeError),
        ("a", 100, psycopg.errors.CheckViolation),
        ("a", 1 << 40, psycopg.errors.NumericValueOutOfRange),
    ],
)
def test_what_cannot_be_stored_is_refused(value: str, number: int, error: type[Exception]) -> None:
    for _ in range(2):
        with pytest.raises(error):
            writing_cursor("default").execute(_INSERT, [value, number, *[None] * 5])
    writing_cursor("default").execute(_INSERT, ["good", 1, *[None] * 5])
    assert len(rows()) == 1


def test_a_connection_that_ended_is_an_error_and_a_new_one_prepares_again() -> None:
    values = ["good", 1, *[None] * 5]
    writing_cursor("default").execute(_INSERT, values)
    with connections["engine"].cursor() as other:
        pid = connection.connection.info.backend_pid
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError):
            writing_cursor("default").execute(_INSERT, values)
    connection.close()
    writing_cursor("default").execute(_INSERT, values)
    assert len(rows()) == 2


def test_a_transaction_is_joined() -> None:
    with transaction.atomic():
        writing_cursor("default").execute(_INSERT, ["gone", 1, *[None] * 5])
        transaction.set_rollback(True)
    assert rows() == []


def test_where_nothing_may_be_prepared_nothing_is() -> None:
    connection.ensure_connection()
    connection.connection.prepare_threshold = None
    writing_cursor("default").execute(_INSERT, ["good", 1, *[None] * 5])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)
    connection.close()
