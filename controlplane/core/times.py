"""Times as clients write them."""

import re
from datetime import UTC, datetime
from typing import Any

# Far enough for everybody, and near enough that adding a day to it is still a time.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)
_SPACE_FOR_PLUS = re.compile(r" (\d\d:?\d\d)$")


def parse_time(text: Any) -> datetime:
    """An aware time from RFC 3339, also when the plus sign of its zone arrives as the space that
    an unescaped one becomes in a query string.

    Raises ValueError; its message is for the client.
    """
    try:
        found = datetime.fromisoformat(_SPACE_FOR_PLUS.sub(r"+\1", text))
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None or not _FIRST <= found <= _LAST:
        raise ValueError("A time with its zone, such as 2030-01-31T08:00:00Z.")
    return found
