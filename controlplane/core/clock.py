"""Time: always UTC, always aware."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time of this process's clock. Leases never use it: they use the database's."""
    return datetime.now(UTC)


def utc_z(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-01-31T23:59:59.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
