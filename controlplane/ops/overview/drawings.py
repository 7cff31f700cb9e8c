"""The charts of the overview: what ended, and how long the queues wait."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.timezone import get_current_timezone_name

from controlplane.core.admin.charts import Chart, Event, Frame, Objective, Series, draw_chart
from controlplane.core.admin.marks import Choice, Mark, choose_marks
from controlplane.core.formatting import format_duration
from controlplane.core.visibletext import isolated_text
from controlplane.ops.overview.queries.source import SPANS, Source
from tasks_app.queries.rates import Ends
from workers.queries import VIEW_NODE, find_deployments
from workers.states import NodeState

# A step that goes on has a rate from then on: the roll-ups lag by ten seconds.
_MIN_SECONDS = 120.0
_MAX_EVENTS = 4
_LOWEST_WAIT = 0.1
_SPAN_WORDS = {"1h": "one hour", "6h": "six hours", "24h": "24 hours"}


@dataclass(frozen=True, slots=True)
class Throughput:
    """Completed above; retried and failed below, on a scale of their own: they are far fewer."""

    completed: Chart
    troubled: Chart


def draw_throughput(source: Source) -> Throughput:
    """Attempts by outcome per second. What is not summed up yet is a gap."""
    times = list_steps(source)
    zone = ZoneInfo(get_current_timezone_name())
    chosen = choose_events(source)
    span = _SPAN_WORDS[source.span]
    completed = _rates(source, times, "completed")
    retried, failed = _rates(source, times, "retried"), _rates(source, times, "failed_tasks")
    above = Frame(
        times=times,
        zone=zone,
        write=write_rate,
        sentence=f"Completed attempts per second over {span}: {_describe(completed)}.",
        height=104,
        end=source.floored,
        events=chosen.events,
        has_axis=False,
    )
    below = Frame(
        times=times,
        zone=zone,
        write=write_rate,
        sentence=f"Over {span}, retried attempts per second: {_describe(retried)}; failed tasks: "
        f"{_describe(failed)}.",
        height=56,
        end=source.floored,
        events=[Event(mark.at, "") for mark in chosen.marks],
        # Always: an open page changes the texts of its legend, and adds none.
        events_title=chosen.describe(
            "Releases and lost nodes" if source.may(VIEW_NODE) else "Releases"
        ),
    )
    return Throughput(
        draw_chart(above, [Series("Completed", completed, tone="completed", has_area=True)]),
        draw_chart(
            below,
            [
                Series("Retried", retried, tone="retrying", style="dash"),
                Series("Failed", failed, tone="failed", style="bold dot"),
            ],
        ),
    )


def draw_waits(source: Source) -> Chart:
    """The longest wait of the queues that wait longest now; those that miss the objective stand
    out."""
    views, series = source.drawn
    lines: list[Series] = []
    for view in views:
        is_late = (view.oldest_waiting_ms or 0) / 1e3 > source.objective
        lines.append(
            Series(
                view.queue.name,
                [None if ms is None else ms / 1e3 for ms in series[view.queue.id].oldest_wait_ms],
                tone="failed" if is_late else "soft",
                style="bold" if is_late and not lines else "thin",
                is_strong=is_late,
            )
        )
    late = next((number for number, line in enumerate(lines) if line.is_strong), None)
    frame = Frame(
        times=list_steps(source),
        zone=ZoneInfo(get_current_timezone_name()),
        write=write_wait,
        sentence=_say_waits(source, lines),
        height=172,
        end=source.floored,
        events=choose_events(source).events,
        objective=Objective(source.objective, "objective", late),
        is_logarithmic=True,
        lowest=_LOWEST_WAIT,
        has_labels=True,
        max_ticks=4,
    )
    return draw_chart(frame, lines)


def list_steps(source: Source) -> list[datetime]:
    """The beginnings of the charts' steps, the newest last."""
    length, step = SPANS[source.span]
    return [source.begin + step * number for number in range(int(length / step) + 1)]


def list_lost(source: Source) -> list[tuple[datetime, str]]:
    """When nodes were lost in the span, with their names."""
    return [
        (node.stopped_at, node.name)
        for node in source.nodes
        if node.state == NodeState.LOST and node.stopped_at and node.stopped_at > source.begin
    ]


def choose_events(source: Source) -> Choice:
    """What people look for beside a bend: lost workers, as far as the person may see workers,
    another release of their code, and the first worker of another version of Taskplane."""
    found = [
        Mark(at, "lost", f"{isolated_text(name)} lost")
        for at, name in (list_lost(source) if source.may(VIEW_NODE) else [])
    ]
    by_version: dict[str, datetime] = {}
    for node in source.all_nodes:
        by_version[node.version] = min(
            by_version.get(node.version, node.started_at), node.started_at
        )
    oldest = min(by_version.values(), default=source.at)
    found += [
        Mark(at, "version", f"Taskplane {isolated_text(version)}")
        for version, at in by_version.items()
        if at > source.begin and at > oldest
    ]
    found += [
        Mark(each.at, "release", f"release {isolated_text(each.release)}")
        for each in find_deployments(source.all_nodes)
        if each.at > source.begin
    ]
    return choose_marks(found, _MAX_EVENTS)


def write_rate(value: float) -> str:
    """`40.2/s`."""
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:,.0f}/s"
    return f"{round(value, 1):g}/s" if value >= 0.1 else f"{value:.2g}/s"


def write_wait(value: float) -> str:
    """For an axis: `1 s`, where a figure would be `1.0 s`."""
    return format_duration(value).replace(".0 s", " s")


def _rates(source: Source, times: list[datetime], name: str) -> list[float | None]:
    """Per second. A step that has just begun, and what the roll-ups do not cover, is unknown."""
    step = SPANS[source.span][1].total_seconds()
    found: list[float | None] = []
    for at in times:
        seconds = min(step, (source.at - at).total_seconds())
        is_summed = source.summed_until is not None and at <= source.summed_until
        count = getattr(source.ends.get(at, Ends()), name)
        is_known = is_summed and seconds >= min(step, _MIN_SECONDS)
        found.append(count / seconds if is_known else None)
    return found


def _describe(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "unknown"
    lowest, highest = write_rate(min(known)), write_rate(max(known))
    return f"between {lowest} and {highest}, now {write_rate(known[-1])}"


def _say_waits(source: Source, lines: list[Series]) -> str:
    objective = format_duration(source.objective)
    late = [line.label for line in lines if line.is_strong]
    judged = (
        f"{', '.join(late)} wait longer than the objective of {objective}"
        if late
        else f"all are inside the objective of {objective}"
    )
    return f"Oldest wait by queue over {_SPAN_WORDS[source.span]}, logarithmic: {judged}."
