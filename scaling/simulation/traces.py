"""Arrivals to play: made from a seed, or read from a file.

A file is CSV with the columns `time` and `run_time`, or NDJSON with the same keys. A time is an
epoch second or a text of ISO 8601 (without a zone: UTC); a run time is in seconds.
"""

import csv
import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from scaling.strategies.inputs import Expected

MAX_TASKS = 5_000_000
MAX_DAYS = 60
_NDJSON = {".ndjson", ".jsonl"}

DAY_SECONDS = 86_400
HISTORY_DAYS = 7
_MINUTES = 1_440

# Run times: log-normal with a mean of 4 s and sigma 1.5; one in two hundred is from a Pareto tail
# of 60 to 1,800 s instead. Together a mean of about 5 s, of which the tail is a fifth.
_MEAN, _SIGMA = 4.0, 1.5
_MU = math.log(_MEAN) - _SIGMA**2 / 2
_TAIL_SHARE, _MIN_TAIL, _MAX_TAIL, _TAIL_SHAPE = 0.005, 60.0, 1_800.0, 1.1


@dataclass(frozen=True, slots=True)
class Trace:
    """One day to play, and the days before it.

    arrivals: seconds from the start of the day, in order. run_times: of the same tasks. history:
    arrivals in each minute before the day, the last one ending at its start. expected: the known
    tasks of schedules. epoch: the second at which the day starts.
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
    cut = 1 - (_MIN_TAIL / _MAX_TAIL) ** _TAIL_SHAPE
    return float(_MIN_TAIL * (1 - rng.random() * cut) ** (-1 / _TAIL_SHAPE))


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


class TraceFileError(ValueError):
    """A file that cannot be simulated, with the line and the reason."""


def read_trace(path: Path, *, hours: float | None = None) -> Trace:
    """Simulate the last `hours` (default: 24, or all of a shorter file); earlier rows are history.

    Raises TraceFileError; OSError when the file cannot be read.
    """
    tasks = sorted(_tasks(path))
    if not tasks:
        raise TraceFileError(f"{path}: there are no tasks in it")
    first, last = tasks[0][0], tasks[-1][0]
    if last - first > MAX_DAYS * DAY_SECONDS:
        raise TraceFileError(f"{path}: it spans more than {MAX_DAYS} days")
    # Whole minutes: those of the history end where the day begins.
    end = (last // 60 + 1) * 60
    wanted = DAY_SECONDS if hours is None else hours * 3_600
    begin = max(first // 60 * 60, end - math.ceil(wanted / 60) * 60)
    history = [0] * int((begin - first // 60 * 60) // 60)
    for at, _ in tasks:
        if at < begin:
            history[int((at - begin) // 60)] += 1
    played = [(at - begin, seconds) for at, seconds in tasks if at >= begin]
    return Trace(
        name=path.stem,
        seed=0,
        arrivals=[at for at, _ in played],
        run_times=[seconds for _, seconds in played],
        history=history,
        seconds=end - begin,
        epoch=begin,
    )


def _tasks(path: Path) -> Iterator[tuple[float, float]]:
    # Spreadsheets put a mark (BOM) before the first name.
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = _objects(file) if path.suffix.lower() in _NDJSON else csv.DictReader(file)
        number = 1
        try:
            for row in islice(rows, MAX_TASKS):
                yield _time(row["time"]), _seconds(row["run_time"])
                number += 1
        except KeyError as error:
            raise TraceFileError(f"{path}: task {number} has no {error}") from error
        except (ValueError, TypeError, csv.Error) as error:
            raise TraceFileError(f"{path}: task {number}: {error}") from error
        if next(iter(rows), None) is not None:
            raise TraceFileError(f"{path}: more than {MAX_TASKS:,} tasks")


def _objects(lines: Iterator[str]) -> Iterator[dict[str, object]]:
    for line in lines:
        if line.strip():
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("a line is not a JSON object")
            yield row


def _time(value: object) -> float:
    try:
        at = float(value)  # type: ignore[arg-type] # what is no number raises
    except ValueError:
        moment = datetime.fromisoformat(str(value))
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not 0 <= at < 1e11:
        raise ValueError(f"{value!r} is not an epoch second")
    return at


def _seconds(value: object) -> float:
    if value is None:  # a short line of CSV, or null
        raise ValueError("None is not a run time in seconds")
    seconds = float(value)  # type: ignore[arg-type] # what is no number raises
    if not 0 <= seconds < 1e7:
        raise ValueError(f"{value!r} is not a run time in seconds")
    return seconds
