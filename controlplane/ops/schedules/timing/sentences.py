"""Cron fields as a sentence, made from the values that they stand for.

`CronSim.explain()` repeats the fields as they are written ("every fourth day of week", "22th").
"""

import calendar
from collections.abc import Callable, Sequence
from typing import Any

from cronsim import CronSim

_MAX_TIMES = 4  # times of day that are listed, when several minutes make them
_MAX_HOURS = 6  # the same, when one minute makes them
_MINUTES, _HOURS, _MONTHS = 60, 24, 12
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
# Monday first, so that a weekend is Saturday and Sunday.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ALL_DAYS = frozenset(range(1, 32))


def describe(cron: CronSim) -> str:
    """Such as `At 08:00 on weekdays`. Two day fields are joined by `and` where either is enough,
    and by `if it is` where both must match."""
    time, is_of_day = _time(sorted(cron.minutes), sorted(cron.hours))
    date = _date(cron)
    if not date:
        return f"{time} every day" if is_of_day else time
    is_months_only = _is_every_day(cron)
    return f"{time} every day {date}" if is_months_only and is_of_day else f"{time} {date}"


def join(parts: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {word} ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _time(minutes: list[int], hours: list[int]) -> tuple[str, bool]:
    """The time of day, and whether it is a single time or a few."""
    count = len(minutes) * len(hours)
    if count <= _MAX_TIMES:
        return f"At {_times(minutes, hours)}", True
    if len(hours) == _HOURS:
        return _in_every_hour(minutes), False
    step = _step_of_cycle(hours, _HOURS)
    if len(minutes) == 1 and step is not None:
        past = "on the hour" if minutes == [0] else f"at {_past(minutes)}"
        return f"Every {step} hours, {past}", False
    every = _every_minutes(minutes)
    run = _run(hours, _HOURS)
    if run is not None and (every or len(minutes) == 1):
        begin, end = f"{run[0]:02}:{minutes[0]:02}", f"{run[-1]:02}:{minutes[-1]:02}"
        return f"{every or 'Every hour'} from {begin} to {end}", False
    if len(minutes) == 1 and count <= _MAX_HOURS:
        return f"At {_times(minutes, hours)}", True
    shown = (
        _times([0], hours) if run is None else f"each hour from {run[0]:02}:00 to {run[-1]:02}:00"
    )
    if every:
        return f"{every} during the hours of {shown}", False
    return f"At {_past(minutes)} {shown}", False


def _in_every_hour(minutes: list[int]) -> str:
    if minutes == [0]:
        return "Every hour, on the hour"
    return _every_minutes(minutes) or f"At {_past(minutes)} every hour"


def _every_minutes(minutes: list[int]) -> str:
    """`Every 5 minutes`, where the minutes are evenly spread; else nothing."""
    step = _step_of_cycle(minutes, _MINUTES)
    if step is None:
        return ""
    return "Every minute" if step == 1 else f"Every {step} minutes"


def _past(minutes: list[int]) -> str:
    unit = "minute" if minutes == [1] else "minutes"
    return f"{join([str(minute) for minute in minutes])} {unit} past"


def _times(minutes: list[int], hours: list[int]) -> str:
    return join([f"{hour:02}:{minute:02}" for hour in hours for minute in minutes])


def _date(cron: CronSim) -> str:
    if _is_every_day(cron):
        return _in_months(cron)
    weekdays = _weekdays(cron)
    if weekdays is None:
        return _month_days(cron)
    if not _has_every_month_day(cron):
        if cron.day_and:
            return f"{_month_days(cron)} if it is {_alternatives(cron)}"
        return f"{_month_days(cron)} and {weekdays}"
    return weekdays


def _is_every_day(cron: CronSim) -> bool:
    return _weekdays(cron) is None and _has_every_month_day(cron)


def _has_every_month_day(cron: CronSim) -> bool:
    return bool(cron.days >= _ALL_DAYS)


def _month_days(cron: CronSim) -> str:
    """`on the 13th of every month`, `on 1 January`, `on the last day of June`."""
    numbers = sorted(day for day in cron.days if day > 0)
    special = [
        name
        for day, name in ((CronSim.LAST, "last day"), (CronSim.LAST_WEEKDAY, "last weekday"))
        if day in cron.days
    ]
    if len(numbers) == len(cron.months) == 1 and not special:
        return f"on {numbers[0]} {calendar.month_name[min(cron.months)]}"
    step = _step(numbers)
    if step is not None and not special:
        return f"on every {_number(step)} day {_of_months(cron)} from the {_number(numbers[0])}"
    parts = [*_spans(numbers, _number), *special]
    return f"on the {join(parts)} {_of_months(cron)}"


def _weekdays(cron: CronSim) -> str | None:
    """`on weekdays`, `every Friday in June`, `on the last Friday of every month`; None where every
    day of the week matches."""
    places, special = _split_weekdays(cron)
    if len(places) == len(_DAYS):
        return None
    parts = []
    if places:
        months = _in_months(cron)
        parts.append(f"{_name_weekdays(places)} {months}".rstrip())
    if special:
        parts.append(f"on the {join(special)} {_of_months(cron)}")
    return join(parts)


def _split_weekdays(cron: CronSim) -> tuple[list[int], list[str]]:
    """The days of the week by their places from Monday; and those that come once a month."""
    plain = {(item - 1) % 7 for item in cron.weekdays if isinstance(item, int)}
    nth: list[tuple[Any, Any]] = sorted(i for i in cron.weekdays if not isinstance(i, int))
    special = [
        f"{'last' if which == CronSim.LAST else _ORDINALS[which - 1]} {_DAYS[(day - 1) % 7]}"
        for day, which in nth
    ]
    return sorted(plain), special


def _name_weekdays(places: list[int]) -> str:
    if places == [0, 1, 2, 3, 4]:
        return "on weekdays"
    if places == [5, 6]:
        return "at weekends"
    if len(places) == 1:
        return f"every {_DAYS[places[0]]}"
    run = _run(places, len(_DAYS))
    if run is not None and len(run) > 2:
        return f"from {_DAYS[run[0]]} to {_DAYS[run[-1]]}"
    return f"on {join([f'{_DAYS[place]}s' for place in places])}"


def _alternatives(cron: CronSim) -> str:
    """`a Thursday or a Sunday`."""
    places, special = _split_weekdays(cron)
    parts = [f"a {_DAYS[place]}" for place in places]
    return join([*parts, *(f"the {name} of the month" for name in special)], "or")


def _in_months(cron: CronSim) -> str:
    """`in June and July`, `from November to February`; nothing for every month."""
    months = sorted(cron.months)
    if len(months) == _MONTHS:
        return ""
    run = _run([month - 1 for month in months], _MONTHS)
    if run is not None and len(run) > 2:
        first, last = (calendar.month_name[place + 1] for place in (run[0], run[-1]))
        return f"from {first} to {last}"
    return f"in {join([calendar.month_name[month] for month in months])}"


def _of_months(cron: CronSim) -> str:
    """`of every month`, `of June and July`, `of every month from November to February`."""
    months = _in_months(cron)
    return (
        f"of {months.removeprefix('in ')}"
        if months.startswith("in ")
        else (f"of every month {months}".rstrip())
    )


def _step_of_cycle(values: list[int], size: int) -> int | None:
    """The distance of values that are evenly spread over the whole cycle, from 0."""
    if len(values) < 2 or size % len(values):
        return None
    step = size // len(values)
    return step if values == list(range(0, size, step)) else None


def _step(numbers: list[int]) -> int | None:
    """The distance of five or more evenly spaced numbers that are not adjacent."""
    if len(numbers) < 5 or numbers[1] - numbers[0] < 2:
        return None
    step = numbers[1] - numbers[0]
    return step if numbers == list(range(numbers[0], numbers[-1] + 1, step)) else None


def _run(values: list[int], size: int) -> list[int] | None:
    """Consecutive values, also around the end of the cycle, beginning with the first."""
    gaps = [n for n, value in enumerate(values) if (values[n - 1] + 1) % size != value]
    if len(gaps) != 1:
        return None
    return values[gaps[0] :] + values[: gaps[0]]


def _spans(numbers: list[int], name: Callable[[int], str]) -> list[str]:
    """The names of the numbers; three or more in a row as `1st to 7th`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    found: list[str] = []
    for run in runs:
        is_long = len(run) > 2
        found += [f"{name(run[0])} to {name(run[-1])}"] if is_long else map(name, run)
    return found


def _number(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else _ENDINGS.get(number % 10, "th")
    return f"{number}{ending}"
