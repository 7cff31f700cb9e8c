"""Arrivals to play: made from a seed, or read from a file (see files.py)."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from scaling.strategies.inputs import Expected

DAY_SECONDS = 86_400
HISTORY_DAYS = 7
_MINUTES = 1_440

# Run times: log-normal with a mean of 4 s and sigma 1.5; one in two hundred is from a Pareto tail
# of 60 to 1,800 s instead. Together a mean of about 5 s, of which the tail is a fifth.
_MEAN, _SIGMA = 4.0, 1.5
_MU = math.log(_MEAN) - _SIGMA**2 / 2
_TAIL_SHARE, _TAIL_LEAST, _TAIL_MOST, _TAIL_SHAPE = 0.005, 60.0, 1_800.0, 1.1


@dataclass(frozen=True, slots=True)
class Trace:
    """One day to play, and the days before it.

    arrivals: seconds from the start of the day, in order. run_times: of the same tasks.
    history: arrivals in each minute before the day, the last one ending at its start.
    expected: what schedules are known to bring. epoch: the second at which the day starts.
    """

    name: str
    seed: int
    arrivals: list[float]
    run_times: list[float]
    history: list[int]
    seconds: float = DAY_SECONDS
    expected: tuple[Expected, ...] = ()
    epoch: float = DAY_SECONDS * 1_000
    notes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shape:
    """Tasks per second in each minute of a day, and (second, tasks) that come at once."""

    rates: list[float]
    spikes: list[tuple[float, int]] = field(default_factory=list)


def run_time(rng: random.Random) -> float:
    if rng.random() >= _TAIL_SHARE:
        return rng.lognormvariate(_MU, _SIGMA)
    # The inverse of the distribution function of a Pareto distribution that is cut off above.
    cut = 1 - (_TAIL_LEAST / _TAIL_MOST) ** _TAIL_SHAPE
    return float(_TAIL_LEAST * (1 - rng.random() * cut) ** (-1 / _TAIL_SHAPE))


def diurnal(rng: random.Random, day: int) -> Shape:
    """Quiet nights, a peak in the afternoon, every day a little different."""
    level = rng.lognormvariate(0, 0.08)
    return Shape(
        [
            level
            * (0.1 + 1.0 * (0.5 - 0.5 * math.cos(math.tau * (minute - 180) / _MINUTES)) ** 1.5)
            for minute in range(_MINUTES)
        ]
    )


def bursty(rng: random.Random, day: int) -> Shape:
    """A low base, and about 24 bursts a day of 3 to 15 minutes that nothing announces."""
    rates = [0.2] * _MINUTES
    minute = rng.expovariate(1 / 60)
    while minute < _MINUTES:
        length, height = rng.uniform(3, 15), rng.uniform(0.5, 1.2)
        for k in range(int(minute), min(_MINUTES, int(minute + length))):
            rates[k] += height
        minute += length + rng.expovariate(1 / 50)
    return Shape([min(rate, 1.6) for rate in rates])


def ramp(rng: random.Random, day: int) -> Shape:
    """A straight rise over ten hours to a plateau, then back to nothing within half an hour."""
    level = rng.uniform(0.9, 1.1)
    shape = [
        0.1 + 1.2 * max(0.0, min((minute - 360) / 600, 1.0, (1_110 - minute) / 30))
        for minute in range(_MINUTES)
    ]
    return Shape([level * rate for rate in shape])


def cron(rng: random.Random, day: int) -> Shape:
    """A low base; 50 tasks at every quarter, 110 at every hour, 400 at two in the morning."""
    spikes = [(quarter * 900.0, 50) for quarter in range(96)]
    spikes += [(hour * 3_600.0, 60) for hour in range(24)] + [(7_200.0, 290)]
    return Shape([0.25] * _MINUTES, spikes)


SHAPES: dict[str, Callable[[random.Random, int], Shape]] = {
    "diurnal": diurnal,
    "bursty": bursty,
    "ramp": ramp,
    "cron": cron,
    "cron-known": cron,
}
DEFAULT_TRACES = ("diurnal", "bursty", "ramp", "cron")


def make_trace(name: str, seed: int, *, seconds: float = DAY_SECONDS) -> Trace:
    """One day of this shape with its seven days of history. `cron-known` also has its schedules.

    Raises KeyError for an unknown shape.
    """
    shape = SHAPES[name]
    rng = random.Random(f"{name} {seed}")
    history: list[int] = []
    for day in range(-HISTORY_DAYS, 0):
        history += _counts(rng, shape(rng, day))
    today = shape(rng, 0)
    arrivals = [at for at in _arrivals(rng, today) if at < seconds]
    trace = Trace(
        name=name,
        seed=seed,
        arrivals=arrivals,
        run_times=[run_time(rng) for _ in arrivals],
        history=history,
        seconds=seconds,
    )
    if name != "cron-known":
        return trace
    known = tuple(
        Expected(trace.epoch + at, tasks) for at, tasks in sorted(today.spikes) if at < seconds
    )
    return Trace(name, seed, arrivals, trace.run_times, history, seconds, known)


def _counts(rng: random.Random, shape: Shape) -> list[int]:
    counts = [_poisson(rng, rate * 60) for rate in shape.rates]
    for at, tasks in shape.spikes:
        counts[int(at // 60)] += tasks
    return counts


def _arrivals(rng: random.Random, shape: Shape) -> list[float]:
    arrivals = [
        minute * 60 + rng.random() * 60
        for minute, rate in enumerate(shape.rates)
        for _ in range(_poisson(rng, rate * 60))
    ]
    for at, tasks in shape.spikes:
        arrivals += [at + 0.01 * k for k in range(tasks)]
    return sorted(arrivals)


def _poisson(rng: random.Random, mean: float) -> int:
    """By counting exponential gaps; the means here are below a hundred."""
    count, left = 0, mean - rng.expovariate(1.0)
    while left > 0:
        count += 1
        left -= rng.expovariate(1.0)
    return count
