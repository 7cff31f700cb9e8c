"""Cron fields as people write them, and as the cron library reads them.

The library does not read a range that wraps around the end of its field (`FRI-MON`, `22-2`), and
does not report a step that has no effect (`*/90` for the minutes, `L/2`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

Fields = tuple[str, str, str, str, str]

_TERM = re.compile(r"(?:(\*)|([A-Z0-9]+)(?:-([A-Z0-9]+))?)(?:/([0-9]{1,9}))?")
_LAST = re.compile(r"(LW?)/[0-9]+")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: Sequence[str] = ()
    period: str = ""  # the unit of `@every` that a step counts

    def number(self, text: str) -> int | None:
        """The value of a number or a name; None if the field has no such value."""
        if text in self.names:
            return self.names.index(text) + self.first
        if not text.isascii() or not text.isdecimal() or len(text) > 4:
            return None
        value = int(text)
        is_sunday = self.names is WEEKDAYS and value == 7
        return value if self.first <= value <= self.last or is_sunday else None


_FIELDS = (
    _Field("minute", 0, 59, period="m"),
    _Field("hour", 0, 23, period="h"),
    _Field("day of month", 1, 31, period="d"),
    _Field("month", 1, 12, MONTHS),
    _Field("day of week", 0, 6, WEEKDAYS),
)


def plain_fields(fields: Fields) -> Fields:
    """The fields in upper case, with each range that wraps around, or is one value, as a list."""
    pairs = zip(_FIELDS, fields, strict=True)
    minute, hour, day, month, weekday = (
        ",".join(_plain_term(field, term) for term in text.upper().split(","))
        for field, text in pairs
    )
    return minute, hour, day, month, weekday


def find_idle_steps(fields: Fields) -> list[str]:
    """A sentence about each step that has no effect."""
    pairs = zip(_FIELDS, fields, strict=True)
    terms = [(field, term) for field, text in pairs for term in text.upper().split(",")]
    found = (_explain_step(field, term) for field, term in terms)
    return [message for message in found if message is not None]


def _plain_term(field: _Field, term: str) -> str:
    found = _TERM.fullmatch(term)
    if found is None or found[3] is None:
        return term
    start, end = field.number(found[2]), field.number(found[3])
    # The library takes 6-6/2 for 6/2.
    if start is None or end is None or start < end:
        return term
    return ",".join(str(value) for value in _values(field, found) or ())


def _explain_step(field: _Field, term: str) -> str | None:
    if last := _LAST.fullmatch(term):
        return f"The step in {term!r} has no effect: write {last[1]}."
    found = _TERM.fullmatch(term)
    if found is None or found[4] is None or int(found[4]) == 0:
        return None
    values = _values(field, found)
    if values is None or len(values) > 1:
        return None
    message = f"The step in {term!r} has no effect: the only {field.name} is {values[0]}."
    advice = f" Write {values[0]}"
    if field.period:
        advice += f", or @every {int(found[4])}{field.period} for that period"
    return f"{message}{advice}."


def _values(field: _Field, found: re.Match[str]) -> list[int] | None:
    """The values of a term in their cyclic order; None for an invalid term."""
    step = int(found[4] or 1)
    if found[1]:
        return list(range(field.first, field.last + 1, step))
    start = field.number(found[2])
    end = start if found[3] is None else field.number(found[3])
    if start is None or end is None:
        return None
    if found[3] is None and found[4] is not None:
        end = 7 if field.names is WEEKDAYS else field.last  # 5/2: Friday, and Sunday as 7
    if start <= end:
        return list(range(start, end + 1, step))
    size = field.last - field.first + 1
    start, end = start % size if field.names is WEEKDAYS else start, end + size
    if end - start >= size:  # from Sunday as 7
        end -= size
    wrapped = range(start, end + 1, step)
    return [(value - field.first) % size + field.first for value in wrapped]
