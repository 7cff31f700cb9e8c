"""The charts of the page of one queue."""

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta

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
from tasks_app.queries.lane_figures import LaneFigures, last_minutes, read_lane_figures
from tasks_app.queries.performance import Figures
from tasks_app.queries.queue_changes import QueueChange

_LATEST = timedelta(seconds=15)
# The spans of the chart: their length and step in minutes.
SPANS: Mapping[str, tuple[int, int]] = {"1h": (60, 1), "6h": (360, 5), "24h": (1440, 15)}


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
    # What ended in the last seconds is not summed up yet.
    steps = [at for at in drawn.steps if at + drawn.step <= drawn.end - _LATEST]
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
    half, most = (format_milliseconds(each) for each in percentiles(histogram, None))
    attempts = format_count(sum(histogram.values()), "attempt")
    sentence = f"{what} of {attempts} in the last hour: half at most {half}, 95% at most {most}"
    fitting = [mark for mark in marks if bins[0].low <= mark[0] <= bins[-1].high]
    return draw_histogram(bins, sentence, format_milliseconds, marks=fitting, tone="soft")
