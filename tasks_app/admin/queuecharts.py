"""The charts of the page of one queue."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from controlplane.core.admin.bars import Histogram, Meter, draw_histogram, draw_meter, fold
from controlplane.core.admin.charts import Chart, Event, Frame, Series, draw_chart
from controlplane.core.formatting import (
    format_count,
    format_duration,
    format_milliseconds,
    format_rate,
)
from tasks_app.admin.queuelist import percentiles
from tasks_app.admin.queuestate import QueueState
from tasks_app.queries.lane_figures import LaneFigures, Span, last_minutes, try_lane_figures
from tasks_app.queries.performance import Figures
from tasks_app.queries.queue_changes import QueueChange
from tasks_app.queries.samples import read_lane_samples

_LATEST = timedelta(seconds=15)
# The spans of the chart: their length and step in minutes.
SPANS: Mapping[str, tuple[int, int]] = {"1h": (60, 1), "6h": (360, 5), "24h": (1440, 15)}


def draw_course(
    state: QueueState, span: str, changes: Sequence[QueueChange]
) -> tuple[Chart, Chart, str]:
    """What waited, and below it tasks that arrived and attempts that started per second, with why
    the latter are missing; empty if they are not."""
    minutes, step = SPANS[span]
    queue = state.queue
    figures, problem, drawn = state.hour, state.problem, state.span
    if span != "1h":
        drawn = last_minutes(minutes, step=step)
        found, problem = try_lane_figures([queue.workspace_id], [queue.id], drawn)
        figures = found.get(queue.id, LaneFigures())
    waiting = _draw_waiting(state, drawn, span, changes)
    if problem:
        return waiting, _draw_flow(None, drawn, problem), problem
    return waiting, _draw_flow(figures, drawn, _describe_flow(figures.total, span)), ""


def _draw_waiting(
    state: QueueState, drawn: Span, span: str, changes: Sequence[QueueChange]
) -> Chart:
    queue = state.queue
    samples = read_lane_samples([queue.id], drawn.begin, drawn.end, drawn.step)[queue.id]
    times = _known_steps(drawn)
    frame = Frame(
        times=times,
        zone=UTC,
        write=format_rounded,
        sentence=(
            f"Waiting in {queue.name} in the last {span}: {state.counts.pending:,} now"
            + (f", {state.waiting_before:,.0f} an hour ago" if state.waiting_before else "")
        ),
        events=[Event(each.at, each.words) for each in changes],
        height=140,
        end=drawn.end,
        has_axis=False,
    )
    series = Series(
        "Waiting", samples.waiting[: len(times)], style="bold", has_area=True, is_strong=True
    )
    return draw_chart(frame, [series])


def _describe_flow(total: Figures, span: str) -> str:
    arrived = format_count(total.submitted, "task")
    started = format_count(total.started, "attempt")
    return f"{arrived} arrived and {started} started in the last {span}"


def _draw_flow(figures: LaneFigures | None, drawn: Span, sentence: str) -> Chart:
    """`figures` None: they could not be read, and the chart is empty."""
    seconds = drawn.step.total_seconds()
    times = _known_steps(drawn)
    steps = [] if figures is None else [figures.steps.get(at, Figures()) for at in times]
    none: list[float | None] = [None] * len(times)
    submitted = [each.submitted / seconds for each in steps] or none
    started = [each.started / seconds for each in steps] or none
    frame = Frame(
        times=times,
        zone=UTC,
        write=format_rate,
        sentence=sentence,
        height=80,
        end=drawn.end,
    )
    return draw_chart(
        frame,
        [
            Series("Arrive", submitted, tone="soft"),
            Series("Start", started, is_strong=True),
        ],
    )


def _known_steps(drawn: Span) -> list[datetime]:
    """The steps that are over: what ended in the last seconds is not summed up yet."""
    return [at for at in drawn.steps if at + drawn.step <= drawn.end - _LATEST]


def format_rounded(value: float) -> str:
    return f"{value:,.0f}"


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
    return _distribution(state.hour.total.waits, "Waits before the start", marks, late_after=limit)


def draw_runs(state: QueueState) -> Histogram | None:
    """How long the attempts of the last hour ran; None without any."""
    return _distribution(state.hour.total.runs, "Run times", [])


def _distribution(
    histogram: Mapping[int, int],
    what: str,
    marks: Sequence[tuple[float, str]],
    late_after: float | None = None,
) -> Histogram | None:
    bins = fold(histogram)
    if not bins:
        return None
    half, most = (format_milliseconds(each) for each in percentiles(histogram, None))
    attempts = format_count(sum(histogram.values()), "attempt")
    sentence = f"{what} of {attempts} in the last hour: half at most {half}, 95 % at most {most}"
    fitting = [mark for mark in marks if bins[0].low <= mark[0] <= bins[-1].high]
    return draw_histogram(
        bins, sentence, format_milliseconds, marks=fitting, tone="soft", late_after=late_after
    )
