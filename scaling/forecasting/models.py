"""Small models of arrivals per minute. None is right for all loads; the tournament picks.

Each says how many tasks will arrive in a later minute, knowing what arrived before `end`; or None
when it does not know enough. They are plain functions, so that there is no state to lose.
"""

from collections.abc import Callable, Iterable
from statistics import median

from scaling.forecasting.history import DAY, HOUR, WEEK, History

Model = Callable[[History, int, int], float | None]

_LATELY = 3  # minutes
_LEVEL = 30  # minutes
_DAYS = 7
_HOURS = 12
_FEWEST_HOURS = 4
_SMOOTH = 3  # minutes to either side
_LEAST_LEVEL, _MOST_LEVEL = 0.5, 2.0


def persistence(history: History, end: int, minute: int) -> float | None:
    """As in the last three minutes. What the others must beat."""
    return history.mean(end - _LATELY, end)


def profile(history: History, end: int, minute: int) -> float | None:
    """The median of the days at this time of day, seven minutes wide, times today's level."""
    return _levelled(history, end, _smooth_median(history, end, minute))


def sharp_profile(history: History, end: int, minute: int) -> float | None:
    """The median of the days in this very minute: sees what schedules start."""
    return _median(history.at(minute - day * DAY) for day in _days_before(history, end, minute))


def yesterday(history: History, end: int, minute: int) -> float | None:
    """As at this time of day yesterday, seven minutes wide."""
    return _around(history, end, minute - DAY)


def last_week(history: History, end: int, minute: int) -> float | None:
    """As at this time of the week before, seven minutes wide."""
    return _around(history, end, minute - WEEK)


def hourly(history: History, end: int, minute: int) -> float | None:
    """The median of the last hours in this minute of the hour."""
    before = range(minute - HOUR, max(history.first, minute - (_HOURS + 1) * HOUR) - 1, -HOUR)
    counts = [history.at(each) for each in before if each < end]
    return _median(counts) if len(counts) >= _FEWEST_HOURS else None


MODELS: dict[str, Model] = {
    "profile": profile,
    "sharp-profile": sharp_profile,
    "yesterday": yesterday,
    "last-week": last_week,
    "hourly": hourly,
}


def _days_before(history: History, end: int, minute: int) -> list[int]:
    return [day for day in range(1, _DAYS + 1) if history.first <= minute - day * DAY < end]


def _around(history: History, end: int, minute: int) -> float | None:
    if minute < history.first or minute + _SMOOTH >= end:
        return None
    return history.mean(minute - _SMOOTH, minute + _SMOOTH + 1)


def _smooth_median(history: History, end: int, minute: int) -> float | None:
    days = _days_before(history, end, minute)
    return _median(_around(history, end, minute - day * DAY) for day in days)


def _levelled(history: History, end: int, usual: float | None) -> float | None:
    """Times how busy the last half hour was, beside the same half hour of the days before."""
    if usual is None:
        return None
    now = history.mean(end - _LEVEL, end)
    then = _median(
        history.mean(end - _LEVEL - day * DAY, end - day * DAY)
        for day in range(1, _DAYS + 1)
        if end - _LEVEL - day * DAY >= history.first
    )
    if not now or not then:
        return usual
    return usual * min(_MOST_LEVEL, max(_LEAST_LEVEL, now / then))


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None
