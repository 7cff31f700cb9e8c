"""The key figures, each against one hour ago. What was not recorded then is left out."""

from dataclasses import dataclass
from urllib.parse import urlencode

from controlplane.core.admin.charts import Spark, draw_spark
from controlplane.core.clock import utc_z
from controlplane.core.formatting import (
    EMPTY,
    format_compact,
    format_count,
    format_duration,
    format_number,
    format_percent,
)
from controlplane.core.visibletext import isolated_text
from controlplane.ops.overview.checks.finding import Link
from controlplane.ops.overview.queries.source import HOUR, Source
from controlplane.ops.overview.significance import exceeds_rate, wilson
from controlplane.ops.overview.situation import find_url
from tasks_app.queries.rates import Ends
from tasks_app.queries.samples import MINUTE

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """`value` with its unit or its whole in `note`; `change` stands out, `base` says what it is of,
    and `was` what it was. `title`: the exact number of a shortened one."""

    key: str
    label: str
    value: str
    link: Link
    note: str = ""
    change: str = ""
    base: str = ""
    was: str = ""
    title: str = ""
    is_wrong: bool = False
    spark: Spark | None = None

    @property
    def url(self) -> str:
        """The list that has the same figure."""
        return find_url(self.link)


def describe_figures(source: Source) -> list[KeyFigure]:
    """In the order in which they are read."""
    return [
        oldest_wait(source),
        waiting(source),
        running(source),
        failure_rate(source),
        dead_letters(source),
    ]


def oldest_wait(source: Source) -> KeyFigure:
    """The longest wait of all queues that are not paused."""
    waits = [
        (view.oldest_waiting_ms / 1e3, view.queue.name)
        for view in source.views
        if view.oldest_waiting_ms is not None and view.queue.paused_at is None
    ]
    seconds, name = max(waits, default=(None, ""))
    values: Values = [None if ms is None else ms / 1e3 for ms in source.samples.longest_ms]
    objective = f"objective {format_duration(source.objective)}"
    return KeyFigure(
        key="wait",
        label="Oldest wait",
        value=EMPTY if seconds is None else format_duration(seconds),
        base=f"{isolated_text(name)}, {objective}" if name else f"nothing waits, {objective}",
        was=_was(values[0], format_duration) if values and values[0] else "",
        is_wrong=seconds is not None and seconds > source.objective,
        link=_link("tasks_app_queue_changelist", source),
        spark=draw_spark(
            source.line(values, seconds or 0),
            "Oldest wait, one hour; the objective is dashed.",
            target=source.objective,
        ),
    )


def waiting(source: Source) -> KeyFigure:
    """Ready tasks of all queues."""
    total = sum(view.counts.pending for view in source.views)
    values = source.samples.waiting
    return KeyFigure(
        key="waiting",
        label="Waiting",
        value=format_compact(total),
        title=_exact(total),
        change=_change(total, values[0]) if values else "",
        was=_was(values[0], _whole) if values else "",
        # Internal tasks wait, too.
        link=_link_tasks(source, status="PENDING", internal="true"),
        spark=draw_spark(source.line(values, total), "Waiting tasks, one hour."),
    )


def running(source: Source) -> KeyFigure:
    """Tasks that run, of the slots of all live workers."""
    total = sum(view.counts.running for view in source.views)
    slots = sum(node.concurrency for node in source.live_nodes)
    values, all_slots = source.samples.running, source.samples.slots
    was = ""
    if values and values[0] is not None and all_slots[0] is not None:
        was = f"was {values[0]:,.0f} of {all_slots[0]:,.0f}"
    return KeyFigure(
        key="running",
        label="Running",
        value=format_compact(total),
        title=_exact(total),
        note=f"of {format_count(slots, 'slot')}" if slots else "no live worker",
        base=format_percent(total / slots) if slots else "",
        was=was,
        link=_link_tasks(source, status="RUNNING", internal="true"),
        spark=draw_spark(source.line(values, total), "Running tasks, one hour."),
    )


def failure_rate(source: Source) -> KeyFigure:
    """Tasks that failed for good, of those that completed or failed."""
    begin = source.minute - HOUR
    now = add_up([ends for at, ends in source.ends_by_minute.items() if at >= begin])
    before = add_up([ends for at, ends in source.ends_by_minute.items() if at < begin])
    ended, ended_before = count_ended(now), count_ended(before)
    shares: Values = []
    for number in range(61):
        ends = source.ends_by_minute.get(begin + MINUTE * number, Ends())
        shares.append(ends.failed_tasks / count_ended(ends) if count_ended(ends) else None)
    usual = before.failed_tasks / ended_before if ended_before else None
    _, highest = wilson(before.failed_tasks, ended_before)
    lowest, _ = wilson(now.failed_tasks, ended)
    return KeyFigure(
        key="failures",
        label="Failure rate",
        value=format_percent(now.failed_tasks / ended) if ended else EMPTY,
        base=f"{now.failed_tasks:,} of {ended:,} in 1 h" if ended else "nothing ended in 1 h",
        was="" if usual is None else f"was {format_percent(usual)}",
        is_wrong=ended_before > 0 and lowest > highest,
        # The roll-ups are of whole minutes: "1h" would begin up to a minute later.
        link=_link_tasks(source, status="FAILED", finishedAfter=utc_z(begin)),
        spark=draw_spark(
            shares,
            "Share of failed tasks, one hour; the dashed line is that of the hour before.",
            target=usual,
        ),
    )


def dead_letters(source: Source) -> KeyFigure:
    """Open letters, without those of muted groups."""
    growth = source.growth
    before = growth.an_hour_ago
    usual = sum(growth.before.values()) / 24
    new = sum(growth.new.values())
    return KeyFigure(
        key="letters",
        label="Dead letters",
        value=f"{'≥ ' if growth.is_estimate else ''}{format_compact(growth.open)}",
        title=_exact(growth.open),
        change="" if before is None else _change(growth.open, before),
        was="" if before is None else f"was {before:,}",
        is_wrong=before is not None and growth.open > before and exceeds_rate(new, usual),
        link=_link_open_letters(source),
        spark=None
        if before is None
        else draw_spark([float(value) for value in growth.series], "Open dead letters, one hour."),
    )


def add_up(parts: list[Ends]) -> Ends:
    """The sums."""
    return Ends(
        completed=sum(each.completed for each in parts),
        retried=sum(each.retried for each in parts),
        failed=sum(each.failed for each in parts),
        failed_tasks=sum(each.failed_tasks for each in parts),
    )


def count_ended(ends: Ends) -> int:
    """Tasks that completed or failed for good."""
    return ends.completed + ends.failed_tasks


def _link_tasks(source: Source, **conditions: str) -> Link:
    """The list of the workspace's tasks that match."""
    return _link("tasks_app_task_changelist", source, **conditions)


def _link_open_letters(source: Source) -> Link:
    """The inbox says the same number: the list of letters does not know which groups are muted."""
    return _link("dlq_lettergroup_changelist", source)


def _link(page: str, source: Source, **conditions: str) -> Link:
    """A list of the workspace."""
    return Link(page, query=urlencode({"workspace": source.workspace, **conditions}))


def _change(now: float, before: float | None) -> str:
    """Whole numbers: `+918 in 1 h`."""
    return "" if before is None else f"{now - before:+,.0f}"


def _was(value: float | None, write: object) -> str:
    if value is None or not callable(write):
        return ""
    return f"was {write(value)}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _exact(total: int) -> str:
    exact = format_number(total)
    return "" if exact == format_compact(total) else exact
