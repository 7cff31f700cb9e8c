"""Time: always UTC, always aware; and times as clients write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any


def now() -> datetime:
    """The time of this process's clock. Leases never use it: they use the database's."""
    return datetime.now(UTC)


def utc_z(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-01-31T23:59:59.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


# Far enough for everybody, and near enough that adding a day to it is still a time.
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9000, 1, 1, tzinfo=UTC)
OUT_OF_RANGE = f"A time from {FIRST:%Y-%m-%d} to {LAST:%Y-%m-%d} (UTC)."
_NOT_A_TIME = "A time with its zone, such as 2030-01-31T08:00:00Z."
_SPACE_FOR_PLUS = re.compile(r" (\d\d:?\d\d)$")


def parse_time(text: Any) -> datetime:
    """An aware time from RFC 3339, also when the plus sign of its zone arrives as the space that
    an unescaped one becomes in a query string.

    Raises ValueError; its message is for the client.
    """
    found = _parse(text)
    if not FIRST <= found <= LAST:
        raise ValueError(OUT_OF_RANGE)
    return found


def parse_bound(text: Any) -> datetime:
    """As `parse_time`, for a time that only limits others: one before FIRST or after LAST means
    the same as these."""
    return min(max(_parse(text), FIRST), LAST)


def _parse(text: Any) -> datetime:
    try:
        # RFC 3339 allows both letters in lower case.
        found = datetime.fromisoformat(_SPACE_FOR_PLUS.sub(r"+\1", text).upper())
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError(_NOT_A_TIME)
    return found


_AGE = re.compile(r"(\d{1,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_age(text: str) -> timedelta | None:
    """A length such as `30m`, `24h` or `7d`; None for any other text."""
    found = _AGE.fullmatch(text.strip())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def as_moment(text: str) -> str:
    """The time that an age such as `1h` is now; any other text unchanged."""
    age = parse_age(text)
    if age is None:
        return text
    present = now()
    return utc_z(FIRST if age > present - FIRST else present - age)
