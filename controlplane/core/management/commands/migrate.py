"""`manage.py migrate`, as Django has it, but so that nobody waits for it: docs/upgrades.md."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import DeadlockDetected, LockNotAvailable

from controlplane.core.console.command import SafeCommand
from controlplane.core.console.output import CommandError

# A statement that waits for a lock keeps waiting all that come after it: so not for long.
_LOCK_TIMEOUT = "1s"
_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 900.0
# Any number that no other program uses in this database
_ADVISORY_LOCK = 7_305_812_648
# The process that holds the advisory lock is this one: it is in nobody's way.
_OLDEST_TRANSACTION = """
SELECT pid, extract(epoch FROM now() - xact_start)::int
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    AND pid NOT IN (
        SELECT pid FROM pg_locks
        WHERE locktype = 'advisory' AND (classid::bigint << 32) + objid::bigint = %s
    )
ORDER BY xact_start LIMIT 1
"""


class Command(SafeCommand, DjangoCommand):
    help = "Bring the database to the schema of this release, while the components run."
    notes = (
        "A statement that does not get its lock within a second gives up, so that tasks and "
        "requests do not wait behind it; its migration is tried again for up to 15 minutes. One "
        "process migrates at a time; others wait for it."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check_unapplied"] or options["plan"]:
            super().handle(*args, **options)  # changes nothing, so it need not be alone
            return
        self._connection: BaseDatabaseWrapper = connections[options["database"]]
        give_up = time.monotonic() + _PATIENCE_SECONDS
        with self._alone(give_up), self._without_time_limit():
            while not self._try(give_up, *args, **options):
                time.sleep(_PAUSE_SECONDS)

    def _try(self, give_up: float, *args: Any, **options: Any) -> bool:
        """Whether it was done; not, if a table was in use."""
        try:
            super().handle(*args, **options)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
        else:
            return True
        pid, age = self._execute(_OLDEST_TRANSACTION, _ADVISORY_LOCK) or (None, None)
        reason = f"The oldest transaction is that of process {pid}, {age} s old." if pid else ""
        if time.monotonic() > give_up:
            raise CommandError(f"A table is in use, so its migration cannot be made. {reason}")
        self.warn(f"A table is in use: the migration is tried again. {reason}".strip())
        return False

    def migration_progress_callback(
        self, action: str, migration: Any = None, fake: bool = False
    ) -> None:
        """Django calls it before each migration."""
        if migration is not None and action in ("apply_start", "unapply_start"):
            # Outside a transaction nothing would be undone; an index that is built concurrently
            # waits without keeping others waiting.
            timeout = _LOCK_TIMEOUT if migration.atomic else "0"
            self._execute(f"SET lock_timeout = '{timeout}'")
        super().migration_progress_callback(action, migration, fake)

    @contextmanager
    def _without_time_limit(self) -> Iterator[None]:
        """An index of a large table takes longer than any statement of a request may."""
        self._execute("SET statement_timeout = 0")
        try:
            yield
        finally:
            with suppress(DatabaseError, InterfaceError):  # a broken connection has no settings
                self._execute("RESET statement_timeout")
                self._execute("RESET lock_timeout")

    @contextmanager
    def _alone(self, give_up: float) -> Iterator[None]:
        """Only one process migrates. The lock belongs to a transaction of a connection of its own,
        since a pooler may give each transaction another session."""
        guard = self._connection.copy()
        is_first = True
        try:
            guard.set_autocommit(False)
            with guard.cursor() as cursor:
                while True:
                    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
                    if cursor.fetchone()[0]:
                        break
                    if time.monotonic() > give_up:
                        raise CommandError("Another process still migrates this database.")
                    if is_first:
                        self.warn("Another process migrates this database: waiting for it.")
                    is_first = False
                    guard.rollback()  # a transaction that only waits would look like a culprit
                    time.sleep(_PAUSE_SECONDS)
            yield
        finally:
            guard.close()

    def _execute(self, statement: str, *values: int) -> Any:
        """The first row, if there are rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone() if cursor.description else None
