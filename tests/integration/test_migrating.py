"""Migrations: no statement of theirs is cut off, and nobody waits for them."""

import time
from collections.abc import Iterator
from io import StringIO
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import connection, transaction

from controlplane.core.management.commands import migrate

pytestmark = pytest.mark.django_db


def shown(name: str = "statement_timeout") -> object:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


@pytest.fixture
def other() -> Iterator[psycopg.Connection]:
    """Somebody else's connection to the same database."""
    found = connection.get_connection_params()
    names = {"host", "port", "user", "password", "dbname"} & found.keys()
    with psycopg.connect(**{name: found[name] for name in names}) as opened:
        yield opened


@pytest.mark.django_db(transaction=True)
def test_a_migration_has_no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, seen = shown(), []
    assert usual != "0"
    monkeypatch.setattr(DjangoCommand, "handle", lambda *args, **options: seen.append(shown()))
    call_command("migrate", verbosity=0)
    assert (seen, shown()) == (["0"], usual)


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_a_table_in_use_is_tried_again(
    other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.execute("SELECT count(*) FROM tasks_app_task")
    tries = []

    def handle(self: Any, *args: Any, **options: Any) -> None:
        self.verbosity = 0
        self.migration_progress_callback("apply_start", SimpleNamespace(atomic=True))
        tries.append(shown("lock_timeout"))
        with transaction.atomic(), connection.cursor() as cursor:
            if len(tries) > 1:
                other.rollback()
            cursor.execute("LOCK TABLE tasks_app_task IN ACCESS EXCLUSIVE MODE")

    monkeypatch.setattr(DjangoCommand, "handle", handle)
    stderr = StringIO()
    call_command("migrate", verbosity=0, stderr=stderr)
    assert tries == ["1s", "1s"]
    process = other.info.backend_pid
    assert "A table is in use: the migration is tried again. The oldest transaction is that of" in (
        stderr.getvalue()
    )
    assert f"process {process}, " in stderr.getvalue()
    assert shown("lock_timeout") == "0"


@pytest.mark.django_db(transaction=True)
def test_an_index_that_is_built_concurrently_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def handle(self: Any, *args: Any, **options: Any) -> None:
        self.verbosity = 0
        self.migration_progress_callback("apply_start", SimpleNamespace(atomic=False))
        seen.append(shown("lock_timeout"))

    monkeypatch.setattr(DjangoCommand, "handle", handle)
    call_command("migrate", verbosity=0)
    assert seen == ["0"]


@pytest.mark.django_db(transaction=True)
def test_one_process_migrates_at_a_time(
    other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(migrate, "_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(DjangoCommand, "handle", lambda *args, **options: None)
    other.execute("SELECT pg_advisory_xact_lock(%s)", [migrate._ADVISORY_LOCK])
    stderr = StringIO()
    with pytest.raises(CommandError, match="Another process still migrates this database"):
        call_command("migrate", verbosity=0, stderr=stderr)
    for option in ("check_unapplied", "plan"):  # they only look
        call_command("migrate", verbosity=0, **{option: True})
    other.rollback()
    call_command("migrate", verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_no_migrating_process_counts_as_the_oldest_transaction(
    other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_oldest(command: migrate.Command) -> Any:
        command._connection = connection
        return command._execute(migrate._OLDEST_TRANSACTION, migrate._ADVISORY_LOCK)

    first, second, seen = migrate.Command(), migrate.Command(), []
    monkeypatch.setattr(time, "sleep", lambda _: seen.append(find_oldest(first)))
    assert find_oldest(first) is None
    with first._alone(time.monotonic() + 60):
        find_oldest(second)
        give_up = time.monotonic() + 0.2
        with pytest.raises(CommandError), second._alone(give_up):
            raise AssertionError
        assert set(seen) == {None}
        other.execute("SELECT 1")
        assert find_oldest(first)[0] == other.info.backend_pid
