"""Times from Postgres, read by the C code of Python."""

from datetime import UTC, datetime

from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.adapt import Loader


class UtcLoader(Loader):
    """Loads `timestamptz` as times in UTC. Django's loader takes them apart in Python, which was a
    tenth of the CPU of a list of tasks."""

    # Django replaces the loader of a connection with another time zone.
    timezone = UTC

    def load(self, data: Buffer) -> datetime:
        """The time. Raises psycopg.DataError: Python has no such time."""
        text = str(data, "ascii")
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            # Infinity, before Christ, after the year 9999.
            raise DataError(f"This is not a time from the year 1 to 9999: {text[:50]!r}") from error
