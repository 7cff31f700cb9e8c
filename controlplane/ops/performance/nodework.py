"""What the nodes did within a span."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from django.db import connection

from controlplane.core.errors import Invalid
from controlplane.core.sql import load_sql
from controlplane.ops.performance.span import Span
from tasks_app.queries.lists import in_bounded_time

MAX_NODES = 50
_SECONDS = 2.0
# Waits and run times are not rolled up by node. They are those of the newest attempts: of the
# shortest of these ends of the span that has enough of them.
_ENDS = [timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)]
_ENOUGH = 5_000
MAX_ATTEMPTS = 50_000
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Times:
    """The median and the 95th percentile of waits and of run times, in milliseconds."""

    wait_p50_ms: float | None = None
    wait_p95_ms: float | None = None
    run_p50_ms: float | None = None
    run_p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class NodeWork:
    """What a node did within a span, for all workspaces, by its samples: tasks that ended on it and
    those of them that failed for good, and means. Between its first and last sample in the span.
    `times` are those of the newest attempts."""

    id: int
    name: str
    ended: int
    failed: int
    running: float
    cpu_percent: float
    memory_bytes: int
    times: Times

    @property
    def error_rate(self) -> float | None:
        """The share of failed tasks; None if none ended."""
        return self.failed / self.ended if self.ended else None


@dataclass(frozen=True, slots=True)
class Measured:
    """How many attempts the times are of, and since when these ended; or that reading them takes
    too long."""

    attempts: int
    since: datetime
    is_slow: bool = False


class _Row(NamedTuple):
    """The newest attempts of a node."""

    node: int
    attempts: int
    since: datetime
    waits: list[float]
    runs: list[float]


def list_node_work(span: Span) -> list[NodeWork]:
    """The nodes that did most. Raises Invalid when reading their samples takes too long."""
    return read_node_work(span)[0]


def read_node_work(span: Span) -> tuple[list[NodeWork], Measured]:
    """As `list_node_work`, with what their times were measured of."""
    with in_bounded_time(_SECONDS, narrow_by="a shorter span"), connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.performance", "sum_node_work"),
            {"from": span.begin, "until": span.end, "most": MAX_NODES},
        )
        nodes = cursor.fetchall()
    try:
        times, measured = _measure_attempts(span)
    except Invalid:
        times, measured = {}, Measured(0, span.end, is_slow=True)
    return [NodeWork(*[*row, times.get(row[0], Times())]) for row in nodes], measured


def _measure_attempts(span: Span) -> tuple[dict[int, Times], Measured]:
    """Raises Invalid as `read_newest` does."""
    rows = read_newest(
        span,
        lambda begin: _read_attempts(begin, span.end),
        lambda rows: sum(row.attempts for row in rows) >= _ENOUGH,
    )
    since = min((row.since for row in rows), default=span.begin)
    found = {row.node: Times(*row.waits, *row.runs) for row in rows}
    return found, Measured(sum(row.attempts for row in rows), since)


def read_newest(
    span: Span,
    read: Callable[[datetime], list[_Found]],
    is_enough: Callable[[list[_Found]], bool],
) -> list[_Found]:
    """What `read` finds from a time on: of the shortest of a few ends of the span that has enough,
    or of the longest that can be read in time. Raises Invalid when reading takes too long, and no
    shorter end had anything."""
    found: list[_Found] = []
    for end in [*_ENDS, span.end - span.begin]:
        begin = max(span.begin, span.end - end)
        try:
            found = read(begin)
        except Invalid:
            if found:
                break
            raise
        if begin == span.begin or is_enough(found):
            break
    return found


def _read_attempts(begin: datetime, end: datetime) -> list[_Row]:
    with in_bounded_time(_SECONDS / 2, narrow_by="a shorter span"), connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.performance", "measure_attempts"),
            {"from": begin, "until": end, "most": MAX_ATTEMPTS},
        )
        return [_Row(*row) for row in cursor.fetchall()]
