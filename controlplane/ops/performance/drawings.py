"""The charts of the page. All share their times, so that one table has all figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from controlplane.core.admin.charts import Chart, Frame, Objective, Series, draw_chart
from controlplane.core.admin.marks import choose_marks
from controlplane.core.formatting import (
    EMPTY,
    format_count,
    format_milliseconds,
    format_percent,
    format_rate,
)
from controlplane.ops.performance.queries.marks import Happened
from controlplane.ops.performance.span import Span
from controlplane.ops.performance.steps import Step
from tasks_app.queries.performance import Performance

_MAX_MARKS = 6


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart with its title, and what its numbers are; or why there is none."""

    key: str
    title: str
    note: str
    chart: Chart | None
    problem: str = ""


def draw_all(
    found: Performance,
    span: Span,
    steps: Sequence[Step],
    happened: Happened,
    objective_ms: float | None,
) -> list[Drawing]:
    """Every chart of the page."""
    frame, with_names = make_frames(span, [each.at for each in steps], happened)
    return [
        _states(steps, with_names),
        _throughput(found, steps, frame),
        _error_rate(found, steps, with_names),
        _outcomes(found, steps, frame),
        draw_waits(found.total.queueing_ms, steps, frame, objective_ms),
        draw_runs(found.total.processing_ms, steps, frame),
    ]


def make_frames(span: Span, times: Sequence[datetime], happened: Happened) -> tuple[Frame, Frame]:
    """What the charts share, and the same with the names of what happened: it is marked in all, and
    named in two of them."""
    chosen = choose_marks(happened.marks, _MAX_MARKS, cut=happened.cut)
    with_names = Frame(
        times=times,
        zone=UTC,
        write=format_rate,
        sentence="",
        end=span.end,
        events=chosen.events,
        events_title=chosen.describe("What happened") if chosen.marks or chosen.left_out else "",
    )
    unnamed = [replace(event, label="") for event in chosen.events]
    return replace(with_names, events=unnamed, events_title=""), with_names


def _each(steps: Sequence[Any], name: str) -> list[float | None]:
    return [getattr(each, name) for each in steps]


def _outcomes(found: Performance, steps: Sequence[Step], frame: Frame) -> Drawing:
    total = found.total
    sentence = (
        f"{total.completed:,} completed, {total.failed_tasks:,} failed, {total.retried:,} attempts "
        "were followed by another"
    )
    chart = draw_chart(
        replace(frame, sentence=sentence),
        [
            Series(
                "Completed", _each(steps, "completed_per_second"), tone="completed", has_area=True
            ),
            Series("Retrying", _each(steps, "retrying_per_second"), tone="retrying", style="dash"),
            Series("Failed", _each(steps, "failed_per_second"), tone="failed", style="dot"),
            Series(
                "Cancelled", _each(steps, "cancelled_per_second"), tone="cancelled", style="thin"
            ),
        ],
    )  # fmt: skip
    return Drawing("outcomes", "How attempts ended", "per second", chart)


def _throughput(found: Performance, steps: Sequence[Step], frame: Frame) -> Drawing:
    total = found.total
    sentence = (
        f"{format_count(total.submitted, 'task')} submitted, "
        f"{format_count(total.started, 'attempt')} started"
    )
    chart = draw_chart(
        replace(frame, sentence=sentence),
        [
            Series("Submitted", _each(steps, "submitted_per_second"), tone="soft"),
            Series(
                "Started", _each(steps, "started_per_second"),
                style="bold", has_area=True, is_strong=True,
            ),
        ],
    )  # fmt: skip
    return Drawing("throughput", "Throughput", "tasks submitted and attempts started", chart)


def _states(steps: Sequence[Step], frame: Frame) -> Drawing:
    known = [each.waiting for each in steps if each.waiting is not None]
    sentence = f"At most {max(known):,.0f} tasks waited" if known else "Nothing was sampled"
    chart = draw_chart(
        replace(frame, sentence=sentence, write=lambda value: f"{value:,.0f}"),
        [
            Series(
                "Waiting", _each(steps, "waiting"), tone="pending", has_area=True, is_strong=True
            ),
            Series("Running", _each(steps, "running"), tone="running"),
            Series("Slots", _each(steps, "slots"), tone="soft", style="dash", is_stepped=True),
        ],
    )
    return Drawing("states", "Tasks by state", "waiting and running, sampled each minute", chart)


def _error_rate(found: Performance, steps: Sequence[Step], frame: Frame) -> Drawing:
    total = found.total
    ended = total.completed + total.failed_tasks
    words = (
        f"{format_percent(total.error_rate)} of {ended:,} tasks failed" if ended else "None ended"
    )
    chart = draw_chart(
        replace(frame, sentence=words, write=write_share),
        [
            Series("Failed", _each(steps, "error_rate"), tone="failed", style="dot", has_area=True),
            Series(
                "Attempts that failed", _each(steps, "attempt_error_rate"),
                tone="soft", style="thin",
            ),
        ],
    )  # fmt: skip
    return Drawing("errors", "Error rate", "of the tasks that ended", chart)


def write_share(share: float) -> str:
    """For an axis."""
    return f"{share * 100:.3g} %"


def draw_waits(
    summary: Mapping[str, float | None],
    steps: Sequence[Any],
    frame: Frame,
    objective_ms: float | None,
) -> Drawing:
    """The percentiles of waits by step, and of the whole span in words."""
    objective = (
        Objective(objective_ms / 1_000, f"objective {format_milliseconds(objective_ms)}")
        if objective_ms
        else None
    )
    chart = _times(frame, _percentiles(steps, "wait"), summary, "waits before the start", objective)
    return Drawing("waits", "Wait before start", "logarithmic", chart)


def draw_runs(summary: Mapping[str, float | None], steps: Sequence[Any], frame: Frame) -> Drawing:
    """The percentiles of run times by step, and of the whole span in words."""
    chart = _times(frame, _percentiles(steps, "run"), summary, "run times", None)
    return Drawing("runs", "Run time", "logarithmic", chart)


def _percentiles(steps: Sequence[Any], what: str) -> list[Series]:
    """In seconds, as the axis is."""

    def values(name: str) -> list[float | None]:
        found = _each(steps, f"{what}_{name}_ms")
        return [None if value is None else value / 1_000 for value in found]

    return [
        Series("p50", values("p50"), tone="soft"),
        Series("p95", values("p95"), style="bold", is_strong=True),
    ]


def _times(
    frame: Frame,
    series: Sequence[Series],
    summary: Mapping[str, float | None],
    what: str,
    objective: Objective | None,
) -> Chart:
    p50, p95 = format_milliseconds(summary["p50"]), format_milliseconds(summary["p95"])
    sentence = f"Half of the {what} are at most {p50}, 95 % at most {p95}"
    if summary["p50"] is None:
        sentence = f"There are no {what}: {EMPTY}"
    return draw_chart(
        replace(
            frame,
            sentence=sentence,
            write=lambda value: format_milliseconds(value * 1_000),
            is_logarithmic=True,
            lowest=0.001,
            objective=objective,
        ),
        series,
    )
