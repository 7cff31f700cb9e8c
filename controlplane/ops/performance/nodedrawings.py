"""The charts of the page for one node, in the places of those for a workspace."""

from collections.abc import Mapping
from dataclasses import replace

from controlplane.core.admin.charts import Frame, Series, draw_chart
from controlplane.core.formatting import format_count, format_percent
from controlplane.ops.performance.drawings import (
    Drawing,
    draw_runs,
    draw_waits,
    make_frames,
    write_share,
)
from controlplane.ops.performance.queries.marks import Happened
from controlplane.ops.performance.queries.nodesteps import NodeSpan
from controlplane.ops.performance.span import Span


def draw_node(
    found: NodeSpan, span: Span, happened: Happened, objective_ms: float | None
) -> list[Drawing]:
    """Every chart; what is not kept by node says so in its place."""
    frame, with_names = make_frames(span, [each.at for each in found.steps], happened)
    return [
        _running(found, with_names),
        _throughput(found, frame),
        _error_rate(found, with_names),
        Drawing(
            "outcomes",
            "How attempts ended",
            "",
            None,
            "Outcomes are not counted by node: a node counts the tasks that ended on it.",
        ),
        _measured(found, draw_waits(found.waits, found.steps, frame, objective_ms)),
        _measured(found, draw_runs(found.runs, found.steps, frame)),
    ]


def describe_node_figures(found: NodeSpan) -> Mapping[str, object]:
    """The key figures, by the names of those of a workspace."""
    return {
        "submitted": None,
        "arrival_rate": None,
        "ended": found.ended,
        "end_rate": found.ended / found.seconds if found.seconds else None,
        "error_rate": found.error_rate,
        "failed": found.failed,
        "wait": found.waits,
        "run": found.runs,
    }


def _running(found: NodeSpan, frame: Frame) -> Drawing:
    sentence = "Nothing was sampled"
    if found.most_running is not None:
        ran = format_count(found.most_running, "task")
        sentence = f"At most {ran} ran at the same time"
    chart = draw_chart(
        replace(frame, sentence=sentence, write=lambda value: f"{value:,.0f}"),
        [
            Series(
                "Running", [each.running for each in found.steps], tone="running", has_area=True,
                is_strong=True,
            ),
            Series(
                "Slots", [None if each.running is None else found.node.concurrency
                          for each in found.steps],
                tone="soft", style="dash", is_stepped=True,
            ),
        ],
    )  # fmt: skip
    return Drawing("states", "Tasks by state", "running; no waiting task is on a node", chart)


def _throughput(found: NodeSpan, frame: Frame) -> Drawing:
    chart = draw_chart(
        replace(frame, sentence=f"{format_count(found.ended, 'task')} ended on this node"),
        [
            Series(
                "Ended", [each.ended_per_second for each in found.steps],
                style="bold", has_area=True, is_strong=True,
            )
        ],
    )  # fmt: skip
    return Drawing("throughput", "Throughput", "tasks that ended on this node", chart)


def _error_rate(found: NodeSpan, frame: Frame) -> Drawing:
    words = (
        f"{format_percent(found.error_rate)} of {found.ended:,} tasks failed"
        if found.ended
        else "None ended"
    )
    chart = draw_chart(
        replace(frame, sentence=words, write=write_share),
        [
            Series(
                "Failed", [each.error_rate for each in found.steps],
                tone="failed", style="dot", has_area=True,
            )
        ],
    )  # fmt: skip
    return Drawing("errors", "Error rate", "of the tasks that ended on this node", chart)


def _measured(found: NodeSpan, drawing: Drawing) -> Drawing:
    """What the times are of."""
    if found.measured.is_slow:
        problem = "Reading the attempts of this node takes too long: choose a shorter span."
        return replace(drawing, chart=None, problem=problem)
    note = f"logarithmic; newest attempts measured: {found.measured.attempts:,}"
    return replace(drawing, note=note)
