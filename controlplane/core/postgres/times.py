"""Times from Postgres, read by the C code of Python."""

from datetime import UTC, datetime
from typing import Any

from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg.abc import Buffer
from psycopg.adapt import Loader


class UtcLoader(Loader):
    """Loads `timestamptz` as times in UTC. Django's loader takes them apart in Python, which was a
    tenth of the CPU of a list of tasks."""

    # Django replaces the loader of a connection with another time zone.
    timezone = UTC

    def load(self, data: Buffer) -> datetime:
        """The time. Raises psycopg.DataError: Python has no such time."""
        try:
            return datetime.fromisoformat(str(data, "ascii")).astimezone(UTC)
        except (ValueError, OverflowError):  # infinity, before Christ, after the year 9999
            return _load_otherwise(self.oid, self.connection, data)


def _load_otherwise(oid: int, connection: Any, data: Buffer) -> datetime:
    loader = BaseTzLoader(oid, connection)
    loader.timezone = UTC
    found: datetime = loader.load(data)
    return found
