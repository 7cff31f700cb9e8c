"""The performance of a workspace over a window, from its roll-ups only."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.runtime.histograms import percentile
from controlplane.core.sql import load_sql
from tasks_app.processors.registry import internal_types
from tasks_app.queries.histogram_sums import MAX_ROLLUPS, Pair, sum_histograms
from tasks_app.queries.lists import in_bounded_time
from tasks_app.queries.stats import measured_since

MAX_POINTS = 300
MAX_NAMES = 20
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=30)
# Longer windows are read from the roll-ups of hours.
_BY_MINUTES = timedelta(days=1)
_UNITS = {"m": 60, "h": 3_600, "d": 86_400}
COUNTS = (
    "submitted",
    "started",
    "completed",
    "failed",
    "failed_tasks",
    "retried",
    "cancelled",
    "lost",
)
_WINDOW = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over some roll-ups. `submitted`, `completed` and `failed_tasks` count tasks, the others
    attempts; of the `failed` ones `retried` were followed by another, and `lost` ended with their
    worker."""

    submitted: int = 0
    started: int = 0
    completed: int = 0
    failed: int = 0
    failed_tasks: int = 0
    retried: int = 0
    cancelled: int = 0
    lost: int = 0
    run_ms: float = 0.0
    wait_ms: float = 0.0
    longest_run_ms: float | None = None
    longest_wait_ms: float | None = None
    runs: Mapping[int, int] = field(default_factory=dict)
    waits: Mapping[int, int] = field(default_factory=dict)

    @property
    def error_rate(self) -> float | None:
        """The share of failed tasks among those that completed or failed."""
        return _share(self.failed_tasks, self.completed + self.failed_tasks)

    @property
    def attempt_error_rate(self) -> float | None:
        """The share of failed attempts among those that succeeded or failed."""
        return _share(self.failed, self.completed + self.failed)

    @property
    def retry_rate(self) -> float | None:
        """The share of attempts that were followed by another, among those that succeeded or
        failed."""
        return _share(self.retried, self.completed + self.failed)

    @property
    def processing_ms(self) -> dict[str, float | None]:
        """Mean and percentiles of run times."""
        return summarize(self.runs, self.run_ms, self.longest_run_ms)

    @property
    def queueing_ms(self) -> dict[str, float | None]:
        """Mean and percentiles of times from ready to started."""
        return summarize(self.waits, self.wait_ms, self.longest_wait_ms)


@dataclass(frozen=True, slots=True)
class Performance:
    """A window with its figures: in all, by type and by queue (the busiest), and in equal steps.
    `measured_from` is its beginning, or that of the workspace's work if that is later."""

    window: str
    begin: datetime
    measured_from: datetime
    end: datetime
    step: timedelta
    total: Figures
    by_type: list[tuple[str, Figures]]
    by_queue: list[tuple[str, Figures]]
    series: list[tuple[datetime, Figures]]

    @property
    def seconds(self) -> float:
        """How long was measured."""
        return max(1.0, (self.end - self.measured_from).total_seconds())


def get_performance(workspace_id: UUID, window: str, *, with_internal: bool = False) -> Performance:
    """The figures of the last `window` (like 5m, 1h, 30d) of a workspace.

    Raises Invalid: it is no window, is shorter than 5 minutes or longer than 30 days, or a
    workspace with very many types and queues takes too long.
    """
    length = parse_window(window)
    unit = timedelta(minutes=1) if length <= _BY_MINUTES else timedelta(hours=1)
    end = now()
    begin = _floor(end - length, unit)
    step = unit * math.ceil((end - begin) / unit / MAX_POINTS)
    return summarize_span(
        workspace_id, begin, end, unit, step, window=window, with_internal=with_internal
    )


def summarize_span(
    workspace_id: UUID,
    begin: datetime,
    end: datetime,
    unit: timedelta,
    step: timedelta,
    *,
    window: str = "",
    types: Sequence[str] = (),
    with_internal: bool = False,
) -> Performance:
    """The figures from `begin`, which is the beginning of a `unit` (a minute or an hour), up to
    `end` in steps of several units; of these types, or of all. Raises Invalid when that takes too
    long."""
    hidden = [] if with_internal else [name for name in internal_types() if name not in types]
    found = _read(workspace_id, begin, end, unit, step, hidden, list(types) or None)
    steps = {at: figures for at, _, _, figures in found.get("step", [])}
    return Performance(
        window=window,
        begin=begin,
        measured_from=measured_since(workspace_id, begin) if found.get("step") else begin,
        end=end,
        step=step,
        total=next((figures for *_, figures in found.get("all", [])), Figures()),
        by_type=_busiest([(name, figures) for _, name, _, figures in found.get("type", [])]),
        by_queue=_busiest([(name, figures) for *_, name, figures in found.get("queue", [])]),
        series=[
            (at, steps.get(at, Figures()))
            for at in (begin + step * number for number in range(math.ceil((end - begin) / step)))
        ],
    )


def parse_window(text: str) -> timedelta:
    """`5m`, `1h`, `7d`. Raises Invalid."""
    match = _WINDOW.fullmatch(text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not SHORTEST.total_seconds() <= seconds <= LONGEST.total_seconds():
        message = "A number and m, h or d, from 5m to 30d."
        raise Invalid(errors=[{"field": "window", "message": message}])
    return timedelta(seconds=seconds)


def summarize(
    histogram: Mapping[int, int], total_ms: float, longest_ms: float | None = None
) -> dict[str, float | None]:
    """Mean and percentiles, in milliseconds; the percentiles within 4.8 %, and never above the
    longest time where that is known."""
    count = sum(histogram.values())
    shares = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
    return {
        "avg": round(total_ms / count, 3) if count else None,
        **{name: quantile(histogram, share, longest_ms) for name, share in shares.items()},
    }


def quantile(
    histogram: Mapping[int, int], share: float, longest_ms: float | None = None
) -> float | None:
    """A percentile, to a microsecond, never above the longest time."""
    found = percentile(histogram, share)
    if found is None or longest_ms is None:
        return rounded(found)
    return rounded(min(found, longest_ms))


def rounded(milliseconds: float | None) -> float | None:
    """To a microsecond."""
    return None if milliseconds is None else round(milliseconds, 3)


def _share(count: int, decided: int) -> float | None:
    return round(count / decided, 4) if decided else None


def parse_histogram(text: str) -> dict[int, int]:
    """The counts of a roll-up as they are stored."""
    return {int(bucket): int(count) for bucket, count in orjson.loads(text).items()}


def _floor(at: datetime, unit: timedelta) -> datetime:
    seconds = int(unit.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, tz=at.tzinfo)


def _busiest(named: list[tuple[str, Figures]]) -> list[tuple[str, Figures]]:
    def work(each: tuple[str, Figures]) -> tuple[int, str]:
        name, figures = each
        return -(figures.completed + figures.failed + figures.submitted), name

    return sorted(named, key=work)[:MAX_NAMES]


def _read(
    workspace_id: UUID,
    begin: datetime,
    end: datetime,
    unit: timedelta,
    step: timedelta,
    hidden: list[str],
    types: list[str] | None,
) -> dict[str, list[tuple[datetime, str, str, Figures]]]:
    params: dict[str, Any] = {
        "workspace": workspace_id,
        "seconds": int(unit.total_seconds()),
        "from": begin,
        "until": end,
        "step": int(step.total_seconds()),
        "hidden": hidden,
        "types": types,
        "most": MAX_ROLLUPS + 1,
    }
    with in_bounded_time(narrow_by="a shorter window"), connection.cursor() as cursor:
        cursor.execute(load_sql("tasks_app", "summarize_rollups"), params)
        rows = cursor.fetchall()
    histograms = sum_histograms((row[1], *row[-4:]) for row in rows if row[0] == "rollups")
    found: dict[str, list[tuple[datetime, str, str, Figures]]] = {}
    for kind, at, type_name, queue, *values in rows:
        if kind != "rollups":
            key = {"step": at, "type": type_name, "queue": values[len(COUNTS) + 4]}.get(kind)
            figures = _to_figures(values, histograms.get((kind, key)) or Pair.empty())
            found.setdefault(kind, []).append((at, type_name, queue or "", figures))
    return found


def _to_figures(values: Sequence[Any], histograms: Pair) -> Figures:
    run_ms, wait_ms, longest_run_ms, longest_wait_ms = values[len(COUNTS) : len(COUNTS) + 4]
    return Figures(
        **{name: int(count) for name, count in zip(COUNTS, values, strict=False)},
        run_ms=run_ms,
        wait_ms=wait_ms,
        longest_run_ms=longest_run_ms,
        longest_wait_ms=longest_wait_ms,
        runs={int(bucket): count for bucket, count in histograms.runs.items()},
        waits={int(bucket): count for bucket, count in histograms.waits.items()},
    )
