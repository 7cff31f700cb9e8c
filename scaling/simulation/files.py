"""Arrivals from a file: CSV with the columns `time` and `run_time`, or NDJSON with the same keys.

A time is an epoch second or a text of ISO 8601 (without a zone: UTC); a run time is in seconds.
"""

import csv
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from scaling.simulation.traces import DAY_SECONDS, Trace

MOST_TASKS = 5_000_000
MOST_DAYS = 60
_NDJSON = {".ndjson", ".jsonl"}


class TraceFileError(ValueError):
    """A file that cannot be played, with the line and the reason."""


def read_trace(path: Path, *, hours: float | None = None) -> Trace:
    """Play the last `hours` (default: 24, or all of a shorter file); what comes before is history.

    Raises TraceFileError; OSError when the file cannot be read.
    """
    tasks = sorted(_tasks(path))
    if not tasks:
        raise TraceFileError(f"{path}: there are no tasks in it")
    first, last = tasks[0][0], tasks[-1][0]
    if last - first > MOST_DAYS * DAY_SECONDS:
        raise TraceFileError(f"{path}: it spans more than {MOST_DAYS} days")
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
            for row in islice(rows, MOST_TASKS):
                yield _time(row["time"]), _seconds(row["run_time"])
                number += 1
        except KeyError as error:
            raise TraceFileError(f"{path}: task {number} has no {error}") from error
        except (ValueError, TypeError, csv.Error) as error:
            raise TraceFileError(f"{path}: task {number}: {error}") from error
        if next(iter(rows), None) is not None:
            raise TraceFileError(f"{path}: more than {MOST_TASKS:,} tasks")


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
        raise ValueError(f"{value!r} is no epoch second")
    return at


def _seconds(value: object) -> float:
    if value is None:  # a short line of CSV, or null
        raise ValueError("None is no run time in seconds")
    seconds = float(value)  # type: ignore[arg-type] # what is no number raises
    if not 0 <= seconds < 1e7:
        raise ValueError(f"{value!r} is no run time in seconds")
    return seconds
