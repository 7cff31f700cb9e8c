"""Numbers, durations, sizes and times as people read them: on the pages of the admin and on a
terminal. Everything here returns plain text; a missing value is `EMPTY`."""

import json
import math
from datetime import UTC, datetime
from typing import Any

EMPTY = "-"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def format_number(value: Any) -> str:
    """With thousands separated, and with no more decimals than the size of the number supports:
    `12,345`, `1,234`, `0.125`. Booleans become `yes` and `no`."""
    if value is None:
        return EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if abs(value) >= 100:
            return f"{value:,.0f}"
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)


def format_count(number: int, noun: str, plural: str = "") -> str:
    """`1 task`, `2,000 tasks`; `plural` where it is not the noun with an `s`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def format_percent(share: float | None) -> str:
    """A share of 1 as `95%`. Only exactly 1 is `100%`, and only exactly 0 is `0%`."""
    if share is None:
        return EMPTY
    text = f"{share:.0%}"
    if (text == "100%" and share < 1) or (text == "0%" and share > 0):
        return f"{min(share, 0.999):.1%}" if share >= 0.001 else "<0.1%"
    return text


def format_duration(seconds: float | None) -> str:
    """In suitable units: `40 ms`, `2.5 s`, `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds is None:
        return EMPTY
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two_units(whole, _MINUTE, "min", 1, "s")
    if whole < _DAY:
        return _two_units(whole, _HOUR, "h", _MINUTE, "min")
    return _two_units(whole, _DAY, "d", _HOUR, "h")


def format_milliseconds(milliseconds: float | None) -> str:
    """As `format_duration`."""
    return EMPTY if milliseconds is None else format_duration(milliseconds / 1_000)


def format_rate(per_second: float | None) -> str:
    """`12.4/s`, or `3/min` for what happens less often than every ten seconds."""
    if per_second is None:
        return EMPTY
    if 0 < per_second < 0.1:
        return f"{per_second * _MINUTE:.2g}/min"
    return f"{format_number(round(per_second, 1))}/s"


def format_elapsed(start: datetime | None, end: datetime | None) -> str:
    """The duration between two moments; `EMPTY` unless both are known."""
    return EMPTY if start is None or end is None else format_duration((end - start).total_seconds())


def format_size(number: int | None) -> str:
    """A number of bytes: `512 B`, `3.4 KiB`, `210 MiB`."""
    if number is None:
        return EMPTY
    size, unit = float(number), 0
    while abs(size) >= 1_023.5 and unit < len(_SIZES) - 1:
        size, unit = size / 1_024, unit + 1
    if unit == 0:
        return f"{number} B"
    return f"{size:.1f} {_SIZES[unit]}" if abs(size) < 9.95 else f"{size:,.0f} {_SIZES[unit]}"


def format_time(moment: datetime | None) -> str:
    """To the second, with the zone: `2026-01-31 23:59:59 UTC`."""
    return EMPTY if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def format_relative(moment: datetime | None, at: datetime) -> str:
    """As seen at another moment, in one unit: `now`, `5 min ago`, `in 3 h`."""
    if moment is None:
        return EMPTY
    seconds = (moment - at).total_seconds()
    distance = abs(seconds)
    if distance < 1:
        return "now"
    if distance < _MINUTE:
        text = f"{int(distance)} s"
    elif distance < _HOUR:
        text = f"{int(distance / _MINUTE)} min"
    elif distance < 2 * _DAY:
        text = f"{int(distance / _HOUR)} h"
    else:
        text = f"{int(distance / _DAY)} d"
    return f"in {text}" if seconds > 0 else f"{text} ago"


def format_state(value: str) -> str:
    """A constant as words: `timed out` for `TIMED_OUT`."""
    return value.replace("_", " ").lower()


def format_json(value: Any) -> str:
    """JSON on several lines."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def format_short_id(value: object) -> str:
    """The random end of a time-ordered id: its beginning is the time."""
    return f"…{str(value)[-12:]}"


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something is cut off."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _two_units(whole: int, unit: int, name: str, smaller: int, smaller_name: str) -> str:
    rest = whole % unit // smaller
    text = f"{whole // unit:,} {name}"
    return f"{text} {rest} {smaller_name}" if rest else text


def percent_done(done: float, total: float) -> float:
    """From 0 to 100, rounded down to a tenth: 100 only when all is done."""
    if done >= total:
        return 100.0
    return min(99.9, math.floor(1_000 * max(0.0, done) / total) / 10)
