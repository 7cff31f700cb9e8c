"""The charts of the page. All share their times, so that one table has all figures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from controlplane.core.admin.charts import Chart, Event, Frame, Objective, Series, draw_chart
from controlplane.core.formatting import (
    EMPTY,
    format_count,
    format_milliseconds,
    format_percent,
    format_rate,
)
from controlplane.ops.performance.queries import Mark
from controlplane.ops.performance.span import Span
from controlplane.ops.performance.steps import Step
from tasks_app.queries.performance import Performance

_MAX_MARKS = 6


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart with its title, and what its numbers are."""

    key: str
    title: str
    note: str
    chart: Chart


def draw_all(
    found: Performance,
    span: Span,
    steps: Sequence[Step],
    marks: Sequence[Mark],
    objective_ms: float | None,
) -> list[Drawing]:
    """Every chart of the page. What happened is named in two of them, and marked in all."""
    named = [Event(mark.at, mark.words) for mark in marks[:_MAX_MARKS]]
    frame = Frame(
        times=[each.at for each in steps],
        zone=UTC,
        write=format_rate,
        sentence="",
        end=span.end,
        events=[replace(event, label="") for event in named],
    )
    with_names = replace(frame, events=named)
    return [
        _states(steps, with_names),
        _throughput(found, steps, frame),
        _error_rate(found, steps, with_names),
        _outcomes(found, steps, frame),
        _waits(found, steps, frame, objective_ms),
        _runs(found, steps, frame),
    ]


def _each(steps: Sequence[Step], name: str) -> list[float | None]:
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
        replace(frame, sentence=words, write=_percent),
        [
            Series("Failed", _each(steps, "error_rate"), tone="failed", style="dot", has_area=True),
            Series(
                "Attempts that failed", _each(steps, "attempt_error_rate"),
                tone="soft", style="thin",
            ),
        ],
    )  # fmt: skip
    return Drawing("errors", "Error rate", "of the tasks that ended", chart)


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def _waits(
    found: Performance, steps: Sequence[Step], frame: Frame, objective_ms: float | None
) -> Drawing:
    objective = (
        Objective(objective_ms / 1_000, f"objective {format_milliseconds(objective_ms)}")
        if objective_ms
        else None
    )
    series = _percentiles(steps, "wait")
    chart = _times(frame, series, found.total.queueing_ms, "waits before the start", objective)
    return Drawing("waits", "Wait before start", "logarithmic", chart)


def _runs(found: Performance, steps: Sequence[Step], frame: Frame) -> Drawing:
    series = _percentiles(steps, "run")
    chart = _times(frame, series, found.total.processing_ms, "run times", None)
    return Drawing("runs", "Run time", "logarithmic", chart)


def _percentiles(steps: Sequence[Step], what: str) -> list[Series]:
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
    summary: dict[str, float | None],
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
