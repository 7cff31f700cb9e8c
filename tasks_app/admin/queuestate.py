"""A queue as it is now and was in the last two hours, and what that means in a sentence."""

from dataclasses import dataclass
from datetime import timedelta

from controlplane.core.formatting import format_count, format_duration
from controlplane.core.visibletext import isolated_text
from tasks_app.admin.objective import is_over
from tasks_app.admin.queuelist import percentiles, recent_rate
from tasks_app.models import Queue
from tasks_app.queries.counts import LaneCounts, count_lanes
from tasks_app.queries.engine_health import list_served_queues
from tasks_app.queries.lane_figures import LaneFigures, Span, last_minutes, try_lane_figures
from tasks_app.queries.performance import Figures
from tasks_app.queries.queues import list_longest_waits
from tasks_app.queries.samples import MINUTE, read_lane_samples
from tasks_app.queues import is_served

_HOUR = 60


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue now, from the reads that its sentence, its figures and its limits share."""

    queue: Queue
    counts: LaneCounts
    oldest_ms: int | None
    is_served: bool
    objective_ms: float | None
    hour: LaneFigures  # the last hour by minute
    problem: str  # why the figures of the hours are missing; empty if they are not
    span: Span
    before: Figures  # the hour before
    waiting_before: float | None  # an hour ago; None if that was not sampled
    oldest_before_ms: float | None

    @property
    def is_paused(self) -> bool:
        return self.queue.paused_at is not None

    @property
    def is_late(self) -> bool:
        return is_over(self.oldest_ms, self.objective_ms) and not self.is_paused

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
    def growth(self) -> str:
        """How the number of waiting tasks changed in an hour: `+882`."""
        if self.waiting_before is None:
            return ""
        return f"{self.counts.pending - int(self.waiting_before):+,}"

    @property
    def arrivals(self) -> float | None:
        """Tasks that were submitted per second in the last hour."""
        return None if self.problem else self.hour.total.submitted / self.span.seconds

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
    ago = read_lane_samples(lanes, earlier.end, earlier.end, MINUTE)[queue.id]
    none = LaneFigures()
    hour, problem = try_lane_figures(workspaces, lanes, span)
    before, _ = ({}, "") if problem else try_lane_figures(workspaces, lanes, earlier)
    return QueueState(
        queue=queue,
        counts=counts,
        oldest_ms=oldest_ms,
        is_served=oldest_ms is None or is_served(queue.name, list_served_queues()),
        objective_ms=objective_ms,
        hour=hour.get(queue.id, none),
        problem=problem,
        span=span,
        before=before.get(queue.id, none).total,
        waiting_before=ago.waiting[0],
        oldest_before_ms=ago.oldest_wait_ms[0],
    )


def explain(state: QueueState) -> tuple[str, str]:
    """What to know first, in a sentence; and what explains it."""
    queue, counts = state.queue, state.counts
    waiting = format_count(counts.pending, "task waits", "tasks wait")
    if queue.paused_at is not None:
        who = f" by {isolated_text(queue.paused_by)}" if queue.paused_by else ""
        running = format_count(counts.running, "running task finishes", "running tasks finish")
        return f"It is paused{who}.", f"{waiting} and keep their places; {running}."
    if not state.is_served:
        return (
            "No worker serves it.",
            f"{waiting} until a worker that serves {isolated_text(queue.name)} starts.",
        )
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
            f"All {queue.max_running} tasks that may run at once are running: the queue's own "
            f"limit holds it back, and more workers would not help.{mostly}"
        )
    if queue.rate_per_second is not None and state.counts.pending:
        return f"It starts at most {queue.rate_per_second:g} tasks per second."
    return ""


def _busiest_types(state: QueueState) -> list[str]:
    ended = {name: each.completed + each.failed for name, each in state.hour.types.items()}
    return sorted((name for name, count in ended.items() if count), key=lambda name: -ended[name])
