"""The span that the page shows: one of a few, or what somebody has selected in a chart."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from controlplane.core.clock import utc_z
from controlplane.core.errors import Invalid

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PRESETS: Mapping[str, timedelta] = {
    "15m": 15 * MINUTE,
    "1h": HOUR,
    "6h": 6 * HOUR,
    "24h": DAY,
    "7d": 7 * DAY,
    "30d": 30 * DAY,
}
DEFAULT = "1h"
SHORTEST, LONGEST = 5 * MINUTE, 30 * DAY
MAX_BUCKETS = 720
_MANY = 360  # buckets of minutes: more of them are thinner than a line
_BY_MINUTES = DAY  # longer spans are read from the roll-ups of hours
_MINUTES_KEPT = 7 * DAY
_STEPS = (1, 2, 5, 10, 15, 30, 60)


@dataclass(frozen=True, slots=True)
class Span:
    """From the beginning of a `unit` (a minute or an hour) to `end`, in steps of some units. `name`
    is that of a preset; empty for a selection."""

    name: str
    begin: datetime
    end: datetime
    unit: timedelta
    step: timedelta

    @property
    def buckets(self) -> int:
        return math.ceil((self.end - self.begin) / self.step)

    @property
    def edges(self) -> tuple[str, str]:
        """The times at the left and the right edge of a chart."""
        return utc_z(self.begin), utc_z(self.end)

    @property
    def query(self) -> str:
        """As a part of an address."""
        if self.name:
            return urlencode({"span": self.name})
        return urlencode({"from": utc_z(self.begin), "to": utc_z(self.end)})


def read_span(params: Mapping[str, str], at: datetime) -> Span:
    """The span that an address names. What is not a span of at least five minutes, at most 30 days
    and no later than now becomes the nearest one that is; texts that are no times are ignored."""
    begin, end = _read_time(params.get("from", "")), _read_time(params.get("to", ""))
    if begin is not None and end is not None and begin < end:
        end = min(end, at)
        begin = max(min(begin, end - SHORTEST), end - LONGEST)
        return _cut("", begin, end, at)
    name = params.get("span", "")
    name = name if name in PRESETS else DEFAULT
    return _cut(name, at - PRESETS[name], at, at)


def find_span(name: str, begin: datetime | None, end: datetime | None, at: datetime) -> Span:
    """As `read_span`, for those who have to be exact. Raises Invalid: there is no such span."""
    if name not in PRESETS:
        message = f"One of {', '.join(PRESETS)}."
        raise Invalid(errors=[{"field": "span", "message": message}])
    if begin is None and end is None:
        return _cut(name, at - PRESETS[name], at, at)
    end = min(end or at, at)
    if begin is None or not SHORTEST <= end - begin <= LONGEST:
        message = "A time from five minutes to 30 days before `to`, or before now."
        raise Invalid(errors=[{"field": "from", "message": message}])
    return _cut("", begin, end, at)


def _cut(name: str, begin: datetime, end: datetime, at: datetime) -> Span:
    # Whole minutes are compared: the span that was cut, asked for again, is cut in the same way.
    minute = _floor(begin, MINUTE)
    by_minutes = _floor(end, MINUTE) - minute <= _BY_MINUTES and minute > at - _MINUTES_KEPT
    unit = MINUTE if by_minutes else HOUR
    begin = _floor(begin, unit)
    units = math.ceil((end - begin) / unit)
    most = _MANY if by_minutes else MAX_BUCKETS
    factor = next((step for step in _STEPS if units / step <= most), math.ceil(units / most))
    return Span(name, begin, end, unit, unit * factor)


def _floor(at: datetime, unit: timedelta) -> datetime:
    seconds = int(unit.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, tz=UTC)


def _read_time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
