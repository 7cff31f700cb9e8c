"""The charts of the page. All share their times, so that one table has all figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

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
from tasks_app.queries.performance import Figures, Performance, quantile
from tasks_app.queries.samples import Samples

_MAX_MARKS = 6
# What ended in the last seconds is not summed up yet.
_LATEST = timedelta(seconds=15)
_HALF, _MOST = 0.50, 0.95


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
    samples: Samples,
    marks: Sequence[Mark],
    objective_ms: float | None,
) -> list[Drawing]:
    """Every chart of the page. What happened is named in two of them, and marked in all."""
    known = _known(found, span)
    steps = [figures for _, figures in known]
    named = [Event(mark.at, mark.words) for mark in marks[:_MAX_MARKS]]
    frame = Frame(
        times=[at for at, _ in known],
        zone=UTC,
        write=format_rate,
        sentence="",
        end=span.end,
        events=[replace(event, label="") for event in named],
    )
    with_names = replace(frame, events=named)
    return [
        _states(samples, with_names),
        _throughput(found, span, steps, frame),
        _error_rate(found, steps, with_names),
        _outcomes(found, span, steps, frame),
        _waits(found, steps, frame, objective_ms),
        _runs(found, steps, frame),
    ]


def _known(found: Performance, span: Span) -> list[tuple[datetime, Figures | None]]:
    """The figures of the steps that are over; None before the first task."""
    return [
        (at, figures if at + found.step > found.measured_from else None)
        for at, figures in found.series
        if at + found.step <= span.end - _LATEST
    ]


def _each(
    steps: Sequence[Figures | None], read: Callable[[Figures], float | None]
) -> list[float | None]:
    return [None if each is None else read(each) for each in steps]


def _outcomes(
    found: Performance, span: Span, steps: Sequence[Figures | None], frame: Frame
) -> Drawing:
    seconds = span.step.total_seconds()
    total = found.total
    sentence = (
        f"{total.completed:,} completed, {total.failed_tasks:,} failed, {total.retried:,} attempts "
        "were followed by another"
    )
    chart = draw_chart(
        replace(frame, sentence=sentence),
        [
            Series(
                "Completed", _each(steps, lambda each: each.completed / seconds),
                tone="completed", has_area=True,
            ),
            Series(
                "Retrying", _each(steps, lambda each: each.retried / seconds),
                tone="retrying", style="dash",
            ),
            Series(
                "Failed", _each(steps, lambda each: each.failed_tasks / seconds),
                tone="failed", style="dot",
            ),
            Series(
                "Cancelled", _each(steps, lambda each: each.cancelled / seconds),
                tone="cancelled", style="thin",
            ),
        ],
    )  # fmt: skip
    return Drawing("outcomes", "How attempts ended", "per second", chart)


def _throughput(
    found: Performance, span: Span, steps: Sequence[Figures | None], frame: Frame
) -> Drawing:
    seconds = span.step.total_seconds()
    total = found.total
    sentence = (
        f"{format_count(total.submitted, 'task')} submitted, "
        f"{format_count(total.started, 'attempt')} started"
    )
    chart = draw_chart(
        replace(frame, sentence=sentence),
        [
            Series("Submitted", _each(steps, lambda each: each.submitted / seconds), tone="soft"),
            Series(
                "Started", _each(steps, lambda each: each.started / seconds),
                style="bold", has_area=True, is_strong=True,
            ),
        ],
    )  # fmt: skip
    return Drawing("throughput", "Throughput", "tasks submitted and attempts started", chart)


def _states(samples: Samples, frame: Frame) -> Drawing:
    most = len(frame.times)
    waiting, running, slots = samples.waiting[:most], samples.running[:most], samples.slots[:most]
    known = [value for value in waiting if value is not None]
    sentence = f"At most {max(known):,.0f} tasks waited" if known else "Nothing was sampled"
    chart = draw_chart(
        replace(frame, sentence=sentence, write=lambda value: f"{value:,.0f}"),
        [
            Series("Waiting", waiting, tone="pending", has_area=True, is_strong=True),
            Series("Running", running, tone="running"),
            Series("Slots", slots, tone="soft", style="dash", is_stepped=True),
        ],
    )
    return Drawing("states", "Tasks by state", "waiting and running, sampled each minute", chart)


def _error_rate(found: Performance, steps: Sequence[Figures | None], frame: Frame) -> Drawing:
    total = found.total
    ended = total.completed + total.failed_tasks
    words = (
        f"{format_percent(total.error_rate)} of {ended:,} tasks failed" if ended else "None ended"
    )
    chart = draw_chart(
        replace(frame, sentence=words, write=_percent),
        [
            Series(
                "Failed", _each(steps, lambda each: each.error_rate),
                tone="failed", style="dot", has_area=True,
            ),
            Series(
                "Attempts that failed", _each(steps, lambda each: each.attempt_error_rate),
                tone="soft", style="thin",
            ),
        ],
    )  # fmt: skip
    return Drawing("errors", "Error rate", "of the tasks that ended", chart)


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def _waits(
    found: Performance,
    steps: Sequence[Figures | None],
    frame: Frame,
    objective_ms: float | None,
) -> Drawing:
    objective = (
        Objective(objective_ms / 1_000, f"objective {format_milliseconds(objective_ms)}")
        if objective_ms
        else None
    )
    series = _percentiles(
        steps, lambda each, share: quantile(each.waits, share, each.longest_wait_ms)
    )
    chart = _times(frame, series, found.total.queueing_ms, "waits before the start", objective)
    return Drawing("waits", "Wait before start", "logarithmic", chart)


def _runs(found: Performance, steps: Sequence[Figures | None], frame: Frame) -> Drawing:
    series = _percentiles(
        steps, lambda each, share: quantile(each.runs, share, each.longest_run_ms)
    )
    chart = _times(frame, series, found.total.processing_ms, "run times", None)
    return Drawing("runs", "Run time", "logarithmic", chart)


def _percentiles(
    steps: Sequence[Figures | None], read: Callable[[Figures, float], float | None]
) -> list[Series]:
    """In seconds, as the axis is."""

    def values(share: float) -> list[float | None]:
        found = _each(steps, lambda each: read(each, share))
        return [None if value is None else value / 1_000 for value in found]

    return [
        Series("p50", values(_HALF), tone="soft"),
        Series("p95", values(_MOST), style="bold", is_strong=True),
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
