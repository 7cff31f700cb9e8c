"""Numbers, durations, sizes and times as people read them: on the pages of the admin and on a
terminal. Everything here returns plain text; a missing value is `EMPTY`.

static/dashboard/formats.js has the same rules, and a test compares both. What was measured has one
decimal, also a zero; a value that is exactly whole has none: `12.4 s`, `30.0 s`, but a limit of
`30 s`."""

import json
import math
from datetime import UTC, datetime
from typing import Any

EMPTY = "\N{EN DASH}"  # unknown, or not applicable: never 0
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_COMPACT_FROM = 100_000
_THOUSANDS = ("", "k", "M", "G", "T")


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
            return f"{_round(value):,}"
        return f"{_round(value * 1_000) / 1_000:.3f}".rstrip("0").rstrip(".")
    return str(value)


def format_whole(number: float | None) -> str:
    """Without decimals: `12,345`."""
    return EMPTY if number is None else f"{_round(number):,}"


def format_compact(number: float | None) -> str:
    """As `format_number` up to 99,999; from there in thousands: `128 k`, `1.3 M`. The exact number
    belongs into a title."""
    if number is None or abs(number) < _COMPACT_FROM:
        return format_number(number)
    scaled, unit = float(number), 0
    while abs(scaled) >= 999.5 and unit < len(_THOUSANDS) - 1:
        scaled, unit = scaled / 1_000, unit + 1
    shown = _one_decimal(scaled) if abs(scaled) < 9.95 else f"{_round(scaled):,}"
    return f"{shown} {_THOUSANDS[unit]}"


def format_count(number: int, noun: str, plural: str = "") -> str:
    """`1 task`, `2,000 tasks`; `plural` where it is not the noun with an `s`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def format_percent(share: float | None) -> str:
    """A share of 1 with one decimal: `24.6 %`. Only exactly 1 is `100 %`, only exactly 0 is
    `0 %`."""
    if share is None:
        return EMPTY
    if 0 < share < 0.001:
        return "<0.1 %"
    percent = share * 100
    if _is_whole(percent):
        return f"{_round(percent):,} %"
    if share < 1:
        percent = min(percent, 99.9)
    return f"{_one_decimal(percent)} %"


def format_duration(seconds: float | None) -> str:
    """In suitable units: `840 ms`, `12.4 s`, `3 min 05 s`, `2 h 05 min`, `3 d 4 h`."""
    if seconds is None:
        return EMPTY
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{_round(seconds * 1_000)} ms"
    if seconds < 59.95:
        return f"{_round(seconds) if _is_whole(seconds) else _one_decimal(seconds)} s"
    whole = _round(seconds)
    if whole < _HOUR:
        return _two_units(whole, _MINUTE, "min", 1, "s", 2)
    if whole < _DAY:
        return _two_units(whole, _HOUR, "h", _MINUTE, "min", 2)
    return _two_units(whole, _DAY, "d", _HOUR, "h", 1)


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
    shown = _one_decimal(size) if abs(size) < 9.95 else f"{_round(size):,}"
    return f"{shown} {_SIZES[unit]}"


def format_time(moment: datetime | None) -> str:
    """To the second, with the zone: `2026-01-31 23:59:59 UTC`."""
    return EMPTY if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def format_relative(moment: datetime | None, at: datetime) -> str:
    """As seen at another moment: `now`, `5 min ago`, `in 2 h 05 min`. From a day on it is the date
    with its zone."""
    if moment is None:
        return EMPTY
    seconds = (moment - at).total_seconds()
    distance = abs(seconds)
    if distance < 1:
        return "now"
    if distance >= _DAY:
        return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if distance < _MINUTE:
        text = f"{int(distance)} s"
    elif distance < _HOUR:
        text = f"{int(distance / _MINUTE)} min"
    else:
        text = _two_units(int(distance), _HOUR, "h", _MINUTE, "min", 2)
    return f"in {text}" if seconds > 0 else f"{text} ago"


def format_clock(moment: datetime, at: datetime) -> str:
    """The time of day, as seen within a day of the moment: `14:05`. From a day on it is the date
    with its zone."""
    if abs((moment - at).total_seconds()) >= _DAY:
        return format_relative(moment, at)
    return f"{moment.astimezone(UTC):%H:%M}"


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


def _two_units(
    whole: int, unit: int, name: str, smaller: int, smaller_name: str, digits: int
) -> str:
    rest = whole % unit // smaller
    text = f"{whole // unit:,} {name}"
    return f"{text} {rest:0{digits}} {smaller_name}" if rest else text


def _round(value: float) -> int:
    """Halves upwards, as JavaScript does."""
    return math.floor(value + 0.5)


def _one_decimal(value: float) -> str:
    return f"{math.floor(value * 10 + 0.5) / 10:.1f}"


def _is_whole(value: float) -> bool:
    """But for what floating-point arithmetic leaves over."""
    return abs(value - _round(value)) < 1e-9


def percent_done(done: float, total: float) -> float:
    """From 0 to 100, rounded down to a tenth: 100 only when all is done."""
    if done >= total:
        return 100.0
    return min(99.9, math.floor(1_000 * max(0.0, done) / total) / 10)
