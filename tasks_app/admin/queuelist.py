"""The content of the list of queues: those that wait longest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.urls import reverse

from controlplane.core.admin.charts import Spark, draw_spark
from controlplane.core.formatting import format_count, format_duration
from controlplane.core.visibletext import isolated_text
from tasks_app.admin.links import queue_tasks_url
from tasks_app.admin.objective import is_over
from tasks_app.models import Queue
from tasks_app.queries.counts import LaneCounts, count_lanes
from tasks_app.queries.engine_health import list_served_queues
from tasks_app.queries.lane_figures import LaneFigures, Span, last_minutes, try_lane_figures
from tasks_app.queries.performance import quantile
from tasks_app.queries.queues import list_longest_waits
from tasks_app.queries.samples import LaneSeries, read_lane_samples
from tasks_app.queues import is_served

MAX_QUEUES = 2_000
PAGE = 50
MINUTES = 60
_RATE_MINUTES = 5
_HALF, _MOST = 0.50, 0.95


@dataclass(frozen=True, slots=True)
class Line:
    """A queue in the list. Times are in milliseconds; `rate` counts attempts that ended per second
    in the last five minutes, the other figures are of the last hour."""

    queue: Queue
    counts: LaneCounts
    oldest_ms: int | None
    rate: float | None
    waits: tuple[float | None, float | None]
    runs: tuple[float | None, float | None]
    failed: int | None
    spark: Spark | None
    is_served: bool
    objective_ms: float | None
    since: datetime

    @property
    def is_paused(self) -> bool:
        return self.queue.paused_at is not None

    @property
    def is_late(self) -> bool:
        """Whether its oldest task waits longer than it may, and nobody wants it to."""
        return is_over(self.oldest_ms, self.objective_ms) and not self.is_paused

    @property
    def is_wrong(self) -> bool:
        return self.is_late or not self.is_served

    @property
    def state(self) -> str:
        """The name of the shape in front of it."""
        if self.is_paused:
            return "PAUSED"
        return "bad" if self.is_wrong else "good"

    @property
    def word(self) -> str:
        """What the shape says."""
        if self.is_paused:
            return "Paused"
        if not self.is_served:
            return "No worker serves it"
        return "Waits too long" if self.is_late else "In order"

    @property
    def url(self) -> str:
        return reverse("admin:tasks_app_queue_change", args=[self.queue.pk])

    @property
    def failed_url(self) -> str:
        """The tasks that failed in the last hour."""
        return queue_tasks_url(self.queue, status="FAILED", finishedAfter=self.since)

    @property
    def waiting_url(self) -> str:
        return queue_tasks_url(self.queue, status="PENDING")

    @property
    def running_url(self) -> str:
        return queue_tasks_url(self.queue, status="RUNNING")


@dataclass(frozen=True, slots=True)
class QueueList:
    """A page of the list, with what is wrong in all of it."""

    page: Page[Any]
    lines: list[Line]
    problem: str
    late: list[tuple[Queue, int]]  # all that wait longer than they may, the longest wait first
    unserved: list[Queue]
    paused: int
    total: int
    has_more: bool
    objective_ms: float | None
    has_several_workspaces: bool

    @property
    def sentence(self) -> str:
        """What is wrong, or that nothing is."""
        if self.late:
            queue, waited = self.late[0]
            count = format_count(len(self.late), "queue misses", "queues miss")
            return (
                f"{count} the objective of {format_duration((self.objective_ms or 0) / 1_000)}: "
                f"{isolated_text(queue.name)} has waited {format_duration(waited / 1_000)}."
            )
        if self.unserved:
            return (
                f"No worker serves {isolated_text(self.unserved[0].name)}: its tasks do not start."
            )
        if not self.total:
            return ""
        if self.objective_ms is None:
            return "Every queue with waiting tasks has a worker."
        limit = format_duration(self.objective_ms / 1_000)
        return f"No queue waits longer than the objective of {limit}."


def list_queue_lines(
    queues: QuerySet[Queue], *, number: Any, by_name: bool, objective_ms: float | None
) -> QueueList:
    """A page of these queues, in a fixed number of queries."""
    found = list(queues.select_related("workspace").order_by("name", "id")[: MAX_QUEUES + 1])
    has_more = len(found) > MAX_QUEUES
    found = found[:MAX_QUEUES]
    waits = list_longest_waits([queue.id for queue in found])
    served = list_served_queues()
    if not by_name:
        found.sort(key=lambda queue: (queue.paused_at is not None, -waits.get(queue.id, -1)))
    page = Paginator(found, PAGE).get_page(number)
    limit = objective_ms or float("inf")
    active = [queue for queue in found if queue.paused_at is None and queue.id in waits]
    late = [(queue, waits[queue.id]) for queue in active if waits[queue.id] > limit]
    lines, problem = _lines(list(page.object_list), waits, served, objective_ms)
    return QueueList(
        page=page,
        lines=lines,
        problem=problem,
        late=sorted(late, key=lambda each: -each[1]),
        unserved=[queue for queue in active if not is_served(queue.name, served)],
        paused=sum(queue.paused_at is not None for queue in found),
        total=len(found),
        has_more=has_more,
        objective_ms=objective_ms,
        has_several_workspaces=len({queue.workspace_id for queue in found}) > 1,
    )


def _lines(
    queues: Sequence[Queue], waits: dict[int, int], served: set[str], objective_ms: float | None
) -> tuple[list[Line], str]:
    """The lines of these queues, and why figures of the last hour are missing; empty if none
    are."""
    lanes = [queue.id for queue in queues]
    workspaces: list[UUID] = sorted({queue.workspace_id for queue in queues})
    counts = count_lanes(lanes)
    span = last_minutes(MINUTES)
    figures, problem = try_lane_figures(workspaces, lanes, span)
    samples = read_lane_samples(lanes, span.begin, span.end, span.step)
    lines = [
        _line(
            queue,
            counts.get(queue.id, LaneCounts()),
            None if problem else figures.get(queue.id, LaneFigures()),
            span,
            spark=_spark(queue, samples[queue.id]),
            oldest_ms=waits.get(queue.id),
            is_served=queue.id not in waits or is_served(queue.name, served),
            objective_ms=objective_ms,
        )
        for queue in queues
    ]
    return lines, problem


def _line(
    queue: Queue, counts: LaneCounts, figures: LaneFigures | None, span: Span, **more: Any
) -> Line:
    known = figures or LaneFigures()
    return Line(
        queue=queue,
        counts=counts,
        rate=recent_rate(known, span),
        waits=percentiles(known.total.waits, known.total.longest_wait_ms),
        runs=percentiles(known.total.runs, known.total.longest_run_ms),
        failed=None if figures is None else known.total.failed_tasks,
        since=span.begin,
        **more,
    )


def percentiles(histogram: Any, longest_ms: float | None) -> tuple[float | None, float | None]:
    """The median and the 95th percentile."""
    return quantile(histogram, _HALF, longest_ms), quantile(histogram, _MOST, longest_ms)


def recent_rate(figures: LaneFigures, span: Span) -> float | None:
    """Attempts that ended per second in the last five minutes; None if none ended in the span."""
    if not figures.steps:
        return None
    begin = span.end.replace(second=0, microsecond=0) - timedelta(minutes=_RATE_MINUTES)
    recent = [each for at, each in figures.steps.items() if at >= begin]
    ended = sum(each.completed + each.failed for each in recent)
    return ended / (span.end - begin).total_seconds()


def _spark(queue: Queue, samples: LaneSeries) -> Spark | None:
    """What waited in the last hour; None where nothing was sampled."""
    known = [value for value in samples.waiting if value is not None]
    if len(known) < 2:
        return None
    words = f"now {known[-1]:,.0f}, at most {max(known):,.0f}"
    return draw_spark(samples.waiting, f"Waiting in {queue.name} in the last hour: {words}")
