"""The scales of charts, and where their ticks are: pure functions of numbers and times."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

WIDTH = 1_000  # of every plot, in its own units: the browser stretches it
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_DURATIONS = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3_600, 21_600, 86_400, 864_000, 8_640_000)
_STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
)
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_DAYS = (1, 2, 5, 10, 30, 90)
_QUARTER = timedelta(minutes=15)  # the offset of every zone of today is a multiple of it


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis. `position`: pixels from the top, or percent from the left. `top`: where
    the line of a moment begins, in pixels."""

    position: float
    text: str
    top: float = 4.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers to pixels from the top of a plot. A logarithmic one has a lowest value above 0, and
    what is below it, also 0, lies on it. `top`: pixels that stay free for names."""

    low: float
    high: float
    height: float
    is_logarithmic: bool = False
    top: float = 0.0

    def __call__(self, value: float) -> float:
        """Rounded to a tenth of a pixel, always inside the plot."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        share = (value - low) / (high - low)
        return shorten(self.top + (self.height - self.top) * (1 - share))


def shorten(number: float) -> float:
    """To a tenth; whole numbers without a decimal place, so that a path is short."""
    found = round(number, 1)
    return int(found) if found == int(found) else found


def only_numbers(values: Sequence[float | None]) -> list[float]:
    """Those that can be drawn: neither None nor NaN nor infinite."""
    return [value for value in values if value is not None and math.isfinite(value)]


def linear(
    values: Sequence[float | None], height: float, *, least: float = 0.0, top: float = 0.0
) -> Scale:
    """From 0 to a round number at or above every value, and above `least`."""
    highest = max(only_numbers(values), default=0.0)
    return Scale(0.0, round_up(max(highest, least)), height, top=top)


def logarithmic(
    values: Sequence[float | None],
    height: float,
    *,
    lowest: float,
    least: float,
    top: float = 0.0,
) -> Scale:
    """From a power of ten at or below the smallest positive value, but not below `lowest`, to a
    round duration at or above every value and `least`."""
    known = [value for value in only_numbers(values) if value > 0]
    low = max(lowest, 10 ** math.floor(math.log10(min(known, default=lowest))))
    most = max([*known, least, low * 10])  # above low, also where every value is low
    high = next((each for each in _DURATIONS if each >= most), most)
    return Scale(low, high, height, is_logarithmic=True, top=top)


def round_up(value: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below the value; 1 for 0."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(
        (factor * unit for factor in _NICE if factor * unit >= value * (1 - 1e-9)), 10 * unit
    )


def ticks(scale: Scale, write: Callable[[float], str], *, parts: int = 2) -> list[Tick]:
    """From the top down. A linear scale is cut into `parts` of the same height, or one more where
    four would not give round numbers; where `write` shows whole numbers only, a tick is one. A
    logarithmic scale has the round durations between its ends, at most five."""
    if not scale.is_logarithmic:
        has_five = f"{scale.high:e}"[:3] in ("2.5", "5.0") or scale.high in (0.1, 1.0)
        parts = 5 if parts == 4 and has_five else parts
        step = scale.high / parts
        if write(0.5) in (write(0.0), write(1.0)):
            step = _whole_step(step, scale.high)
        count = math.floor(scale.high / step + 1e-9)
        values = [step * number for number in range(count, -1, -1)]
        return [Tick(scale(value), write(value)) for value in values]
    inside = [value for value in _DURATIONS if scale.low <= value <= scale.high]
    inside = inside[:: math.ceil(len(inside) / 5) or 1] if inside else [scale.low, scale.high]
    return [Tick(scale(value), write(value)) for value in reversed(inside)]


def _whole_step(step: float, high: float) -> float:
    """The next whole number that is round, but not above the highest one of the scale."""
    found = max(1.0, round_up(step))
    found = found if found == int(found) else round_up(found + 1)
    return min(found, max(1.0, math.floor(high)))


def time_position(at: datetime, begin: datetime, end: datetime) -> float:
    """Percent from the left; 100 where the span is empty."""
    span = (end - begin).total_seconds()
    return 100.0 if span <= 0 else shorten(100 * (at - begin).total_seconds() / span)


def time_ticks(begin: datetime, end: datetime, zone: tzinfo, *, most: int = 7) -> list[Tick]:
    """Round times of the zone's clock between the two, at most `most`. The last names the zone, and
    so does each whose zone has another name than the one before: where the clock is changed."""
    step = _choose(end - begin, most)
    is_short = step < _DAY
    moments = _hours(begin, end, zone, step) if is_short else _days(begin, end, zone, step)
    moments = moments or [end.astimezone(zone)]
    names = [moment.tzname() for moment in moments]
    found = []
    for number, moment in enumerate(moments):
        is_last = number == len(moments) - 1
        has_changed = number > 0 and names[number] != names[number - 1]
        form = f"{'%H:%M' if is_short else '%m-%d'}{' %Z' if is_last or has_changed else ''}"
        found.append(Tick(time_position(moment, begin, end), moment.strftime(form)))
    return found


def _choose(span: timedelta, most: int) -> timedelta:
    for step in (*_STEPS, *(_DAY * days for days in _DAYS)):
        if span / step <= most - 0.5:
            return step
    return _DAY * math.ceil(span / _DAY / most)


def _hours(begin: datetime, end: datetime, zone: tzinfo, step: timedelta) -> list[datetime]:
    """Instants at which the zone's clock shows a multiple of the step. Where an hour comes twice,
    both of its times count."""
    unit = _MINUTE if step < _QUARTER else _QUARTER
    at = _floor(begin, unit)
    found = []
    while at <= end:
        local = at.astimezone(zone)
        minutes = local.hour * 60 + local.minute
        if at >= begin and minutes % (step.total_seconds() / 60) == 0:
            found.append(local)
        at += unit
    return found


def _days(begin: datetime, end: datetime, zone: tzinfo, step: timedelta) -> list[datetime]:
    day = begin.astimezone(zone).date()
    found: list[datetime] = []
    while True:
        midnight = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
        if midnight > end:
            return found
        if midnight >= begin and (day.toordinal() % step.days == 0):
            found.append(midnight.astimezone(zone))
        day += _DAY


def _floor(at: datetime, unit: timedelta) -> datetime:
    seconds = int(unit.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, tz=UTC)
