"""Cron fields as a sentence, made from the values that they stand for."""

import calendar
from collections.abc import Callable, Iterable, Sequence

from cronsim import CronSim

_MOST_TIMES = 4  # times of day that are listed one by one
_MINUTES, _HOURS, _MONTHS = 60, 24, 12
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ALL_DAYS = frozenset(range(1, 32))
_ALL_WEEKDAYS = frozenset(range(7))


def describe(cron: CronSim) -> str:
    """Such as `At 02:00 on Monday through Friday`. Two day fields are joined by `or` where either
    is enough, and by `if it is` where both must match."""
    time, is_of_day = _time(sorted(cron.minutes), sorted(cron.hours))
    date = _date(cron)
    if not date:
        return f"{time} every day" if is_of_day else time
    if date.startswith("in ") and is_of_day:
        date = f"every day {date}"
    return f"{time} {date}"


def join(parts: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {word} ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _time(minutes: list[int], hours: list[int]) -> tuple[str, bool]:
    """When in the day, and whether that is one or a few times of day."""
    if len(minutes) * len(hours) <= _MOST_TIMES:
        times = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
        return f"At {join(times)}", True
    if len(hours) == _HOURS:
        return _of_every_hour(minutes), False
    every = _period(minutes, _MINUTES)
    if every is not None and _is_run(hours):
        begin, end = f"{hours[0]:02}:00", f"{hours[-1]:02}:{minutes[-1]:02}"
        return f"{_every(every, 'minute')} from {begin} through {end}", False
    every_hours = _period(hours, _HOURS)
    if len(minutes) == 1 and every_hours is not None:
        return f"Every {every_hours} hours at minute {minutes[0]}", False
    return f"{_at_minutes(minutes)} past {_listed('hour', hours, range(_HOURS))}", False


def _of_every_hour(minutes: list[int]) -> str:
    every = _period(minutes, _MINUTES)
    if every is not None:
        return _every(every, "minute")
    if minutes == [0]:
        return "At the start of every hour"
    return f"{_at_minutes(minutes)} of every hour"


def _at_minutes(minutes: list[int]) -> str:
    if len(minutes) == _MINUTES:
        return "Every minute"
    return f"At {_listed('minute', minutes)}"


def _period(values: list[int], size: int) -> int | None:
    """The distance of values that are evenly spread over the whole cycle, from 0."""
    if len(values) < 2 or size % len(values):
        return None
    step = size // len(values)
    return step if values == list(range(0, size, step)) else None


def _every(count: int, unit: str) -> str:
    return f"Every {unit}" if count == 1 else f"Every {count} {unit}s"


def _date(cron: CronSim) -> str:
    months = "" if len(cron.months) == _MONTHS else join(_month_names(cron.months))
    days = cron.days - {CronSim.LAST, CronSim.LAST_WEEKDAY}
    every_day = days >= _ALL_DAYS
    weekdays = _weekdays(cron)
    if weekdays is None and every_day:
        return f"in {months}" if months else ""
    month_days = _month_days(cron)
    within = months or "every month"
    if weekdays is None:
        if cron.days == days and len(days) == len(cron.months) == 1:
            return f"on {months} {min(days)}"
        return f"on {month_days} of {within}"
    if every_day and cron.day_and:
        return f"on {weekdays} in {months}" if months else f"on {weekdays}"
    if cron.day_and:
        return f"on {month_days} of {within} if it is {_weekdays(cron, 'or')}"
    suffix = f", in {months}" if months else ""
    return f"on {month_days} of {'the' if months else 'every'} month or on {weekdays}{suffix}"


def _month_days(cron: CronSim) -> str:
    numbers = sorted(day for day in cron.days if day > 0)
    parts = []
    step = _step(numbers)
    if step is not None:
        parts.append(f"every {_ordinal(step)} day from the {_ordinal(numbers[0])}")
    else:
        parts += [f"the {text}" for text in _runs(numbers, _ordinal, through="through the")]
    if CronSim.LAST in cron.days:
        parts.append("the last day")
    if CronSim.LAST_WEEKDAY in cron.days:
        parts.append("the last weekday")
    return f"{parts[0]} day" if len(parts) == len(numbers) == 1 else join(parts)


def _step(numbers: list[int]) -> int | None:
    """The distance of five or more numbers that stand evenly from one another, but not side by
    side."""
    if len(numbers) < 5 or numbers[1] - numbers[0] < 2:
        return None
    step = numbers[1] - numbers[0]
    return step if numbers == list(range(numbers[0], numbers[-1] + 1, step)) else None


def _weekdays(cron: CronSim, word: str = "and") -> str | None:
    """The days of the week; None where each matches."""
    plain = {item % 7 for item in cron.weekdays if isinstance(item, int)}
    if plain >= _ALL_WEEKDAYS:
        return None
    # Monday first, so that a weekend is Saturday and Sunday.
    places = sorted((day - 1) % 7 for day in plain)
    parts = _runs(places, lambda place: _DAY_NAMES[(place + 1) % 7], cycle=range(7))
    special = sorted(item for item in cron.weekdays if not isinstance(item, int))
    for day, nth in special:
        which = "last" if nth == CronSim.LAST else _ordinal(nth)
        parts.append(f"the {which} {_DAY_NAMES[day % 7]} of the month")
    return join(parts, word)


def _listed(unit: str, values: list[int], cycle: range | None = None) -> str:
    """`minute 5`, `minutes 0, 7 and 14`."""
    plural = unit if len(values) == 1 else f"{unit}s"
    return f"{plural} {join(_runs(values, str, cycle=cycle))}"


def _runs(
    values: Iterable[int],
    name: Callable[[int], str],
    *,
    through: str = "through",
    cycle: range | None = None,
) -> list[str]:
    """The names of the values; three or more in a row as `first through last`, also around the end
    of a `cycle`."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][-1] + 1 == value:
            runs[-1].append(value)
        else:
            runs.append([value])
    if cycle and len(runs) > 1 and (runs[0][0], runs[-1][-1]) == (cycle[0], cycle[-1]):
        runs[-1] += runs.pop(0)
    found: list[str] = []
    for run in runs:
        if len(run) > 2:
            found.append(f"{name(run[0])} {through} {name(run[-1])}")
        else:
            found += [name(value) for value in run]
    return found


def _is_run(values: list[int]) -> bool:
    return values == list(range(values[0], values[-1] + 1))


def _month_names(months: Iterable[int]) -> list[str]:
    names = calendar.month_name
    return _runs(sorted(months), lambda month: names[month], cycle=range(1, _MONTHS + 1))


def _ordinal(number: int) -> str:
    if 0 < number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    ending = "th" if 10 < number % 100 < 14 else _ENDINGS.get(number % 10, "th")
    return f"{number}{ending}"
