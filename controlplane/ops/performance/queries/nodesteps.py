"""What one node did within a span, step by step: by its samples, and by its newest attempts."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from controlplane.core.errors import Invalid
from controlplane.core.sql import load_sql
from controlplane.ops.performance import nodework
from controlplane.ops.performance.nodework import Measured, Times, read_newest
from controlplane.ops.performance.span import Span
from controlplane.ops.performance.steps import list_whole_steps
from tasks_app.queries.lists import in_bounded_time
from workers.models import Node

_SECONDS = 2.0
_NAMES = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class NodeStep:
    """One step with its beginning, for all workspaces; None where nothing was sampled, or nothing
    ended."""

    at: datetime
    running: float | None
    ended_per_second: float | None
    error_rate: float | None
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    run_p50_ms: float | None
    run_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class NodeSpan:
    """A node within a span. `most_running` is None where nothing was sampled; `ended` and `failed`
    are those between its first and its last sample, which are `seconds` apart; `waits` and `runs`
    have the percentiles of what was measured."""

    node: Node
    steps: list[NodeStep]
    most_running: int | None
    ended: int
    failed: int
    seconds: float
    waits: Mapping[str, float | None]
    runs: Mapping[str, float | None]
    measured: Measured

    @property
    def error_rate(self) -> float | None:
        """The share of failed tasks; None if none ended."""
        return self.failed / self.ended if self.ended else None


class _Samples(NamedTuple):
    """The samples of one step."""

    step: datetime
    first: datetime
    last: datetime
    ended_at_first: int
    ended_at_last: int
    failed_at_first: int
    failed_at_last: int
    running: float
    most_running: int


class _Attempts(NamedTuple):
    """The attempts that ended in one step; in all of them if it is None."""

    step: datetime | None
    attempts: int
    since: datetime
    waits: list[float]
    runs: list[float]


class _Counters(NamedTuple):
    at: datetime
    ended: float
    failed: float


def read_node_span(node: Node, span: Span) -> NodeSpan:
    """Raises Invalid when reading its samples takes too long."""
    samples = _read_samples(node.id, span)
    points = [
        point
        for each in samples
        for point in (
            _Counters(each.first, each.ended_at_first, each.failed_at_first),
            _Counters(each.last, each.ended_at_last, each.failed_at_last),
        )
    ]
    attempts, measured = _measure(node.id, span)
    total = attempts.get(None)
    ended, failed, seconds = _sum_up(points)
    return NodeSpan(
        node=node,
        steps=_make_steps(span, samples, points, attempts),
        most_running=max((each.most_running for each in samples), default=None),
        ended=ended,
        failed=failed,
        seconds=seconds,
        waits=_named(total.waits if total else ()),
        runs=_named(total.runs if total else ()),
        measured=measured,
    )


def _sum_up(points: Sequence[_Counters]) -> tuple[int, int, float]:
    if not points:
        return 0, 0, 0.0
    first, last = points[0], points[-1]
    seconds = (last.at - first.at).total_seconds()
    return int(last.ended - first.ended), int(last.failed - first.failed), seconds


def _make_steps(
    span: Span,
    samples: Sequence[_Samples],
    points: Sequence[_Counters],
    attempts: Mapping[datetime | None, _Attempts],
) -> list[NodeStep]:
    by_step = {each.step: each.running for each in samples}
    running: float | None = None
    found = []
    for at in list_whole_steps(span):
        # Older samples are rarer than steps: one stands for the steps up to the next.
        is_known = bool(points) and at <= points[-1].at
        running = by_step.get(at, running) if is_known else None
        rate, error_rate = _work(points, at, at + span.step)
        times = _times_of(attempts.get(at))
        found.append(
            NodeStep(
                at, running, rate, error_rate,
                times.wait_p50_ms, times.wait_p95_ms, times.run_p50_ms, times.run_p95_ms,
            )
        )  # fmt: skip
    return found


def _work(
    points: Sequence[_Counters], begin: datetime, end: datetime
) -> tuple[float | None, float | None]:
    """The tasks that ended per second, and the share of them that failed, within these times."""
    if not points:
        return None, None
    begin, end = max(begin, points[0].at), min(end, points[-1].at)
    if begin >= end:
        return None, None
    before, after = _count_up_to(points, begin), _count_up_to(points, end)
    ended, failed = after.ended - before.ended, after.failed - before.failed
    # What arithmetic leaves over is not a part of a task.
    share = failed / ended if ended > 1e-6 else None
    return ended / (end - begin).total_seconds(), share


def _count_up_to(points: Sequence[_Counters], at: datetime) -> _Counters:
    """The counters at a moment between samples, in a straight line from one to the next."""
    number = bisect_right(points, at, key=lambda point: point.at)
    if number == len(points):
        return points[-1]
    before, after = points[number - 1], points[number]
    share = (at - before.at) / (after.at - before.at)
    return _Counters(
        at,
        before.ended + share * (after.ended - before.ended),
        before.failed + share * (after.failed - before.failed),
    )


def _times_of(found: _Attempts | None) -> Times:
    return Times() if found is None else Times(*found.waits[:2], *found.runs[:2])


def _named(values: Sequence[float]) -> dict[str, float | None]:
    return dict(zip(_NAMES, values, strict=True)) if values else dict.fromkeys(_NAMES)


def _read_samples(node: int, span: Span) -> list[_Samples]:
    with in_bounded_time(_SECONDS, narrow_by="a shorter span"), connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.performance", "list_node_steps"),
            {
                "node": node,
                "from": span.begin,
                "until": span.end,
                "step": int(span.step.total_seconds()),
            },
        )
        return [_Samples(*row) for row in cursor.fetchall()]


def _measure(node: int, span: Span) -> tuple[dict[datetime | None, _Attempts], Measured]:
    def read(begin: datetime) -> list[_Attempts]:
        return _read_attempts(node, span, begin)

    def is_enough(rows: Sequence[_Attempts]) -> bool:
        return any(row.attempts >= nodework.MAX_ATTEMPTS for row in rows)

    try:
        rows = {row.step: row for row in read_newest(span, read, is_enough)}
    except Invalid:
        return {}, Measured(0, span.end, is_slow=True)
    total = rows.get(None)
    if total is None:
        return {}, Measured(0, span.begin)
    return rows, Measured(total.attempts, total.since)


def _read_attempts(node: int, span: Span, begin: datetime) -> list[_Attempts]:
    with in_bounded_time(_SECONDS / 2, narrow_by="a shorter span"), connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.ops.performance", "measure_node_attempts"),
            {
                "node": node,
                "origin": span.begin,
                "from": begin,
                "until": span.end,
                "step": int(span.step.total_seconds()),
                "most": nodework.MAX_ATTEMPTS,
            },
        )
        return [_Attempts(*row) for row in cursor.fetchall() if row[1]]
