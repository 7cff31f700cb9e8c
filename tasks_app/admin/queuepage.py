"""The content of the page of one queue: what waits, why, who fills it, what fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from controlplane.core.admin.bars import Histogram, Meter, draw_histogram, draw_meter, fold
from controlplane.core.admin.charts import Chart, Event, Frame, Series, draw_chart
from controlplane.core.clock import now
from controlplane.core.formatting import (
    format_count,
    format_duration,
    format_milliseconds,
    format_number,
    format_percent,
    format_rate,
)
from controlplane.core.schema import represent_value
from tasks_app.admin.links import tasks_url
from tasks_app.admin.queuelist import is_served, percentiles, recent_rate
from tasks_app.models import Queue, Task
from tasks_app.queries.fillers import Fillers, Slice, find_fillers, group_failures
from tasks_app.queries.lane_figures import LaneFigures, Span, last_minutes, read_lane_figures
from tasks_app.queries.performance import Figures
from tasks_app.queries.queue_changes import QueueChange, list_queue_changes
from tasks_app.queries.queues import (
    LaneCounts,
    count_lanes,
    list_longest_waits,
    list_running_longest,
)
from workers.queries import get_node_names, list_served_queues

# The spans of the chart: their length and step in minutes.
SPANS: Mapping[str, tuple[int, int]] = {"1h": (60, 1), "6h": (360, 5), "24h": (1440, 15)}
GROUPINGS = ("type", "workspace", "tag")
_HOUR = 60
_MAX_RUNNING = 10
_MAX_FAILURES = 5


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue now, from the reads that its sentence, its figures and its limits share."""

    queue: Queue
    counts: LaneCounts
    oldest_ms: int | None
    is_served: bool
    objective_ms: float | None
    hour: LaneFigures  # the last hour by minute
    span: Span
    before: Figures  # the hour before

    @property
    def is_paused(self) -> bool:
        return self.queue.paused_at is not None

    @property
    def is_late(self) -> bool:
        is_over = (self.oldest_ms or 0) > (self.objective_ms or float("inf"))
        return is_over and not self.is_paused

    @property
    def is_full(self) -> bool:
        """Whether its own limit keeps ready tasks from starting."""
        most = self.queue.max_running
        return most is not None and self.counts.running >= most and self.counts.pending > 0

    @property
    def shape(self) -> str:
        if self.is_paused:
            return "PAUSED"
        return "bad" if self.is_late or not self.is_served else "good"

    @property
    def arrivals(self) -> float:
        """Tasks that were submitted per second in the last hour."""
        return self.hour.total.submitted / self.span.seconds

    @property
    def rate(self) -> float | None:
        return recent_rate(self.hour, self.span)

    @property
    def wait(self) -> tuple[float | None, float | None]:
        return percentiles(self.hour.total.waits, self.hour.total.longest_wait_ms)

    @property
    def run(self) -> tuple[float | None, float | None]:
        return percentiles(self.hour.total.runs, self.hour.total.longest_run_ms)

    @property
    def wait_before_ms(self) -> float | None:
        """The 95th percentile of the hour before."""
        return percentiles(self.before.waits, self.before.longest_wait_ms)[1]


def read_state(queue: Queue, objective_ms: float | None) -> QueueState:
    """The queue as it is now, and its last two hours."""
    counts = count_lanes([queue.id]).get(queue.id, LaneCounts())
    oldest_ms = list_longest_waits([queue.id]).get(queue.id)
    span = last_minutes(_HOUR)
    earlier = Span(span.begin - timedelta(hours=1), span.begin, timedelta(hours=1))
    workspaces, lanes = [queue.workspace_id], [queue.id]
    none = LaneFigures()
    return QueueState(
        queue=queue,
        counts=counts,
        oldest_ms=oldest_ms,
        is_served=oldest_ms is None or is_served(queue, list_served_queues()),
        objective_ms=objective_ms,
        hour=read_lane_figures(workspaces, lanes, span).get(queue.id, none),
        span=span,
        before=read_lane_figures(workspaces, lanes, earlier).get(queue.id, none).total,
    )


def describe_queue(
    queue: Queue,
    *,
    objective_ms: float | None,
    workspaces: Sequence[UUID] | None,
    span: str,
    grouping: str,
) -> dict[str, Any]:
    """The context of the template. `workspaces`: those whose shares of the queue may be shown."""
    state = read_state(queue, objective_ms)
    chosen = span if span in SPANS else "1h"
    changes = list_queue_changes(queue, now() - timedelta(minutes=SPANS[chosen][0]))
    running = list_running_longest(queue, _MAX_RUNNING)
    return {
        "state": state,
        "sentence": explain(state),
        "flow": draw_flow(state, chosen, changes),
        "spans": list(SPANS),
        "span": chosen,
        "waits": draw_waits(state),
        "runs": draw_runs(state),
        "fillers": describe_fillers(queue, workspaces, grouping, state.counts.pending),
        "failures": describe_failures(state),
        "failed_url": tasks_url(
            queue=queue.name, status="FAILED", finishedAfter=state.span.begin, internal=True
        ),
        "running": describe_running(running),
        "running_url": tasks_url(queue=queue.name, status="RUNNING", internal=True),
        "waiting_url": tasks_url(queue=queue.name, status="PENDING", internal=True),
        "last_change": list_queue_changes(queue, None)[:1],
        "failed_words": failed_share(state.hour.total),
        "usage": draw_usage(state),
    }


def explain(state: QueueState) -> tuple[str, str]:
    """What to know first, in a sentence; and what explains it."""
    queue, counts = state.queue, state.counts
    waiting = format_count(counts.pending, "task waits", "tasks wait")
    if queue.paused_at is not None:
        who = f" by {queue.paused_by}" if queue.paused_by else ""
        running = format_count(counts.running, "running task finishes", "running tasks finish")
        return f"It is paused{who}.", f"{waiting} and keep their places; {running}."
    if not state.is_served:
        return "No worker serves it.", f"{waiting} until a worker that serves {queue.name} starts."
    if state.oldest_ms is None:
        return "Nothing waits.", _limits_note(state)
    oldest = format_duration(state.oldest_ms / 1_000)
    if state.is_late:
        limit = format_duration((state.objective_ms or 0) / 1_000)
        return (
            "It misses its wait objective:",
            f"the oldest task has waited {oldest} instead of {limit}. {_limits_note(state)}",
        )
    return f"The oldest task has waited {oldest}.", _limits_note(state)


def _limits_note(state: QueueState) -> str:
    queue = state.queue
    if state.is_full:
        held = next(iter(_busiest_types(state)), "")
        mostly = f" Most of what ended here in the last hour was {held}." if held else ""
        return (
            f"All {queue.max_running} tasks that may run at once are running: the queue's own limit "
            f"holds it back, and more workers would not help.{mostly}"
        )
    if queue.rate_per_second is not None and state.counts.pending:
        return f"It starts at most {queue.rate_per_second:g} tasks per second."
    return ""


def _busiest_types(state: QueueState) -> list[str]:
    ended = {
        name: each.completed + each.failed for name, each in state.hour.types.items()
    }
    return sorted((name for name, count in ended.items() if count), key=lambda name: -ended[name])


def draw_flow(state: QueueState, span: str, changes: Sequence[QueueChange]) -> Chart:
    """Tasks that arrived and attempts that started, per second."""
    minutes, step = SPANS[span]
    queue = state.queue
    if span == "1h":
        figures, drawn = state.hour, state.span
    else:
        drawn = last_minutes(minutes, step=step)
        found = read_lane_figures([queue.workspace_id], [queue.id], drawn)
        figures = found.get(queue.id, LaneFigures())
    seconds = drawn.step.total_seconds()
    steps = drawn.steps[:-1]  # the last one has only begun
    none = Figures()
    submitted = [figures.steps.get(at, none).submitted / seconds for at in steps]
    started = [figures.steps.get(at, none).started / seconds for at in steps]
    total = figures.total
    return draw_chart(
        Frame(
            times=steps,
            zone=UTC,
            write=format_rate,
            sentence=(
                f"{format_count(total.submitted, 'task')} arrived and "
                f"{format_count(total.started, 'attempt')} started in the last {span}"
            ),
            events=[Event(each.at, each.words) for each in changes],
            height=200,
        ),
        [
            Series("Arrive", submitted, tone="soft", has_area=True),
            Series("Start", started, style="bold", is_strong=True),
        ],
    )


def draw_usage(state: QueueState) -> Meter | None:
    """The running tasks of those that may run; None without a limit."""
    most = state.queue.max_running
    if most is None:
        return None
    running = state.counts.running
    tone = "failed" if state.is_full and state.is_late else "series"
    return draw_meter([(running, tone)], most, f"{running} of {most} may run at once")


def draw_waits(state: QueueState) -> Histogram | None:
    """How long the attempts of the last hour waited; None without any."""
    limit = state.objective_ms
    marks = [(limit, f"objective {format_duration(limit / 1_000)}")] if limit else []
    return _distribution(state.hour.total.waits, "Waits before the start", marks)


def draw_runs(state: QueueState) -> Histogram | None:
    """How long the attempts of the last hour ran; None without any."""
    return _distribution(state.hour.total.runs, "Run times", [])


def _distribution(
    histogram: Mapping[int, int], what: str, marks: Sequence[tuple[float, str]]
) -> Histogram | None:
    bins = fold(histogram)
    if not bins:
        return None
    half, most = percentiles(histogram, None)
    attempts = format_count(sum(histogram.values()), "attempt")
    sentence = f"{what} of {attempts} in the last hour: half at most {format_milliseconds(half)}, 95% at most {format_milliseconds(most)}"
    fitting = [mark for mark in marks if bins[0].low <= mark[0] <= bins[-1].high]
    return draw_histogram(bins, sentence, format_milliseconds, marks=fitting)


def describe_fillers(
    queue: Queue, workspaces: Sequence[UUID] | None, grouping: str, waiting: int
) -> dict[str, Any]:
    """The slices by one grouping, with their shares and what narrows the list of tasks to each."""
    found = find_fillers(queue, workspaces)
    chosen = grouping if grouping in GROUPINGS else "type"
    slices: Sequence[Slice] = {
        "type": found.types, "workspace": found.workspaces, "tag": found.tags,
    }[chosen]  # fmt: skip
    is_sample = not found.is_complete and chosen == "tag"
    whole = found.looked_at if is_sample else max(waiting, *(each.tasks for each in slices), 1)
    return {
        "grouping": chosen,
        "groupings": GROUPINGS,
        "rows": [
            {
                "slice": each,
                "share": each.tasks / whole if chosen != "workspace" else None,
                "url": _slice_url(queue, chosen, each),
                "own": chosen == "workspace",
            }
            for each in slices
        ],
        "note": _sample_note(found, chosen),
        "may_cancel": chosen in ("type", "tag"),
    }


def _slice_url(queue: Queue, grouping: str, each: Slice) -> str:
    if grouping == "workspace":
        return ""
    return tasks_url(
        queue=queue.name, status="PENDING", **{grouping: _quoted(each.name)}, internal=True
    )


def _quoted(name: str) -> str:
    """As a value of the filter: a comma would separate two."""
    return f'"{name}"' if "," in name else name


def _sample_note(found: Fillers, grouping: str) -> str:
    if found.is_complete or grouping == "workspace":
        return ""
    looked_at = format_number(found.looked_at)
    if grouping == "type":
        return (
            "Types count every task that has not ended, running and delayed ones too. The oldest "
            f"is that among the {looked_at} tasks that start next."
        )
    return f"Counted are the {looked_at} tasks that start next; more wait behind them."


def describe_failures(state: QueueState) -> list[dict[str, Any]]:
    """What failed in the last hour, the most frequent first."""
    groups = group_failures(state.queue, state.span.begin)
    return [
        {
            "class": each.error_class or "Unknown error",
            "type": each.type,
            "tasks": each.tasks,
            "message": _message(each.error),
            "url": tasks_url(
                queue=state.queue.name,
                status="FAILED",
                type=each.type,
                errorClass=_quoted(each.error_class),
                finishedAfter=state.span.begin,
                internal=True,
            ),
        }
        for each in groups[:_MAX_FAILURES]
    ]


def _message(error: Any) -> str:
    shown = represent_value("error", error, None)
    return str(shown.get("message", "")) if isinstance(shown, Mapping) else ""


def describe_running(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """The tasks that have run longest, with their nodes."""
    names = get_node_names([task.node_id for task in tasks if task.node_id])
    at = now()
    return [
        {"task": task, "node": names.get(task.node_id or 0, ""), "ran": _seconds(task.started_at, at)}
        for task in tasks
    ]


def failed_share(figures: Figures) -> str:
    """`4.2% of 3,842`, of the tasks that ended; empty without any."""
    ended = figures.completed + figures.failed_tasks
    return f"{format_percent(figures.error_rate)} of {ended:,}" if ended else ""


def _seconds(since: datetime | None, at: datetime) -> float | None:
    return None if since is None else (at - since).total_seconds()
