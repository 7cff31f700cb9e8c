"""What the roll-ups say of queues over a span: figures, steps and types of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.formatting import format_duration
from controlplane.core.sql import load_sql
from tasks_app.queries.lists import in_bounded_time
from tasks_app.queries.performance import COUNTS, Figures, parse_histogram

MINUTE = timedelta(minutes=1)
_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the past in equal steps: `begin` is that of a minute, `end` is now."""

    begin: datetime
    end: datetime
    step: timedelta

    @property
    def seconds(self) -> float:
        """How long it is."""
        return max(1.0, (self.end - self.begin).total_seconds())

    @property
    def words(self) -> str:
        """Its length."""
        return format_duration(self.seconds // 60 * 60)

    @property
    def steps(self) -> list[datetime]:
        """The beginnings of its steps."""
        number = int(self.seconds / self.step.total_seconds()) + 1
        return [self.begin + self.step * each for each in range(number)]


@dataclass(slots=True)
class LaneFigures:
    """The figures of a queue over a span: in all, by step (those without any are left out) and by
    type."""

    total: Figures = field(default_factory=Figures)
    steps: dict[datetime, Figures] = field(default_factory=dict)
    types: dict[str, Figures] = field(default_factory=dict)


def last_minutes(minutes: int, *, step: int = 1) -> Span:
    """The last minutes in steps of `step` minutes, from the beginning of one."""
    end = now()
    begin = (end - MINUTE * minutes).replace(second=0, microsecond=0)
    return Span(begin, end, MINUTE * step)


def try_lane_figures(
    workspaces: Sequence[UUID], lanes: Sequence[int], span: Span
) -> tuple[dict[int, LaneFigures], str]:
    """As read_lane_figures, for a page that shows the rest without them: the second is why there
    are none, empty when there are."""
    try:
        return read_lane_figures(workspaces, lanes, span), ""
    except Invalid:
        return {}, f"The roll-ups of the last {span.words} take too long to read."


def read_lane_figures(
    workspaces: Sequence[UUID], lanes: Sequence[int], span: Span
) -> dict[int, LaneFigures]:
    """The figures of these queues of these workspaces, by the ids of the queues; those of which no
    roll-up says anything are left out. Raises Invalid when reading takes too long."""
    found: dict[int, LaneFigures] = {}
    with in_bounded_time(_SECONDS, narrow_by="a shorter span"), connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "summarize_lanes"),
            {
                "workspaces": list(workspaces),
                "lanes": list(lanes),
                "seconds": 60,
                "from": span.begin,
                "until": span.end,
                "step": int(span.step.total_seconds()),
            },
        )
        for lane, kind, at, type_name, *values in cursor.fetchall():
            of_lane = found.setdefault(lane, LaneFigures())
            figures = _figures(values)
            if kind == "step":
                of_lane.steps[at] = figures
            elif kind == "type":
                of_lane.types[type_name] = figures
            else:
                of_lane.total = figures
    return found


def _figures(values: Sequence[float | str | None]) -> Figures:
    counts, times = values[: len(COUNTS)], values[len(COUNTS) :]
    run_ms, wait_ms, longest_run_ms, longest_wait_ms, runs, waits = times
    return Figures(
        **{name: int(count or 0) for name, count in zip(COUNTS, counts, strict=True)},
        run_ms=float(run_ms or 0),
        wait_ms=float(wait_ms or 0),
        longest_run_ms=longest_run_ms,  # type: ignore[arg-type] # a float of the database or None
        longest_wait_ms=longest_wait_ms,  # type: ignore[arg-type] # likewise
        runs=parse_histogram(str(runs)) if runs else {},
        waits=parse_histogram(str(waits)) if waits else {},
    )
