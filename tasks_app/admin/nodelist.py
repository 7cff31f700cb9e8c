"""The content of the list of nodes: lost ones first, with what they took along."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator

from controlplane.core.admin.bars import Slots, draw_slots
from controlplane.core.admin.charts import Chart, Frame, Series, Spark, draw_chart, draw_spark
from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.formatting import format_count, format_number, format_state
from controlplane.core.visibletext import isolated_text
from tasks_app.admin.links import tasks_url
from tasks_app.queries.node_work import MAX_TASKS, Loss, count_running_types, find_losses
from workers.queries import (
    LOST_SHOWN,
    count_slots,
    count_states,
    find_successors,
    list_samples_of,
    list_shown_nodes,
)
from workers.states import LIVE, NodeState

PAGE = 100
_MAX_LOST = 3
_SPARK = timedelta(minutes=30)
_SPARK_POINTS = 30
_BEFORE_LOSS = timedelta(hours=1)
_MEBIBYTE, _GIBIBYTE = 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class Line:
    """A node in the list. `types`: what it runs for the person's workspaces."""

    node: Any
    slots: Slots
    busy: int
    types: Counter[str]
    cpu: Spark | None
    memory: Spark | None
    heartbeat_age: float
    up_seconds: float | None

    @property
    def is_live(self) -> bool:
        return self.node.state in LIVE

    @property
    def doing(self) -> str:
        """The most frequent type, and how many others."""
        if not self.types:
            return ""
        (name, tasks), *others = self.types.most_common()
        rest = sum(count for _, count in others)
        return f"{tasks} {isolated_text(name)}" + (
            f", {format_count(rest, 'other')}" if rest else ""
        )


@dataclass(frozen=True, slots=True)
class ShownLoss:
    """What a lost node took along; `lines` lead to the tasks by their present state."""

    total: int
    interrupted: int
    removed: int
    lines: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LostNode:
    """A lost node with what it took along, and its memory before."""

    node: Any
    loss: ShownLoss | None
    memory: Chart | None
    newest_memory: int | None
    successor: Any = None  # its worker lived on as this node


@dataclass(frozen=True, slots=True)
class NodeList:
    """A page of the list, and the state of all nodes."""

    page: Page[Any]
    lines: list[Line]
    lost: list[LostNode]
    states: Counter[str]
    busy: int
    slots: int

    @property
    def sentence(self) -> str:
        """How much of the fleet is busy."""
        live = sum(self.states[state] for state in LIVE)
        if not live:
            return "No worker runs, so no task starts."
        if not self.slots:
            words = ("node runs, and takes no tasks", "nodes run, and none takes tasks")
            return f"{format_count(live, *words)}."
        text = describe_busy(self.busy, self.slots)
        return f"{text} on {format_count(self.states[NodeState.ACTIVE], 'active node')}."

    @property
    def summary(self) -> str:
        """How many nodes there are of each state."""
        shown = [(state, self.states[state]) for state in NodeState if self.states[state]]
        return ", ".join(f"{count} {state.label.lower()}" for state, count in shown)


def describe_busy(busy: int, slots: int) -> str:
    """`1 of 4 slots is busy`."""
    return f"{busy:,} of {format_count(slots, 'slot')} {'is' if 1 in (busy, slots) else 'are'} busy"


def list_node_lines(
    *, number: Any, state: str, search: str, workspaces: Sequence[UUID] | None
) -> NodeList:
    """A page of the nodes, in a fixed number of queries."""
    since = now() - LOST_SHOWN
    page = Paginator(list_shown_nodes(since, state=state, search=search), PAGE).get_page(number)
    nodes = list(page.object_list)
    busy, slots = count_slots()
    is_plain = page.number == 1 and not state and not search
    return NodeList(
        page=page,
        lines=_lines(nodes, workspaces),
        lost=_lost([node for node in nodes if node.state == NodeState.LOST], workspaces)
        if is_plain
        else [],
        states=count_states(since),
        busy=busy,
        slots=slots,
    )


def _lines(nodes: Sequence[Any], workspaces: Sequence[UUID] | None) -> list[Line]:
    live = [node.id for node in nodes if node.state in LIVE]
    types = count_running_types(live, workspaces)
    samples = list_samples_of(live, now() - _SPARK)
    at = now()
    found = []
    for node in nodes:
        own = samples.get(node.id, [])
        busy = min(node.concurrency, sum(1 for slot in node.slots if slot["running"]))
        found.append(
            Line(
                node=node,
                slots=draw_slots(busy, node.concurrency),
                busy=busy,
                types=types.get(node.id, Counter()),
                cpu=_spark([each.cpu_percent for each in own], f"CPU of {node.name}"),
                memory=_spark([float(each.memory_bytes) for each in own], f"Memory of {node.name}"),
                heartbeat_age=max(0.0, (at - node.heartbeat_at).total_seconds()),
                up_seconds=(at - node.started_at).total_seconds() if node.state in LIVE else None,
            )
        )
    return found


def _spark(values: Sequence[float], what: str) -> Spark | None:
    if len(values) < 2:
        return None
    return draw_spark(thin(values, _SPARK_POINTS), f"{what} in the last 30 minutes", height=20)


def thin(values: Sequence[float], most: int) -> list[float]:
    """At most `most` values: the largest of each stretch."""
    step = max(1, -(-len(values) // most))
    return [max(values[begin : begin + step]) for begin in range(0, len(values), step)]


def _lost(nodes: Sequence[Any], workspaces: Sequence[UUID] | None) -> list[LostNode]:
    shown = sorted(nodes, key=lambda node: node.stopped_at, reverse=True)[:_MAX_LOST]
    losses = try_losses(shown, workspaces)
    successors = find_successors([node.id for node in shown])
    if not shown:
        return []
    since = min(node.stopped_at for node in shown) - _BEFORE_LOSS
    samples = list_samples_of([node.id for node in shown], since)
    return [
        LostNode(
            node=node,
            loss=losses.get(node.id),
            memory=draw_memory(node, samples.get(node.id, []), tone="failed"),
            newest_memory=node.memory_bytes,
            successor=successors.get(node.id),
        )
        for node in shown
    ]


def try_losses(nodes: Sequence[Any], workspaces: Sequence[UUID] | None) -> dict[int, ShownLoss]:
    """What lost nodes took along, by node; empty when finding it takes too long."""
    try:
        found = find_losses([(node.id, node.stopped_at) for node in nodes], workspaces)
    except Invalid:
        return {}
    return {node: show_loss(loss) for node, loss in found.items()}


def show_loss(loss: Loss) -> ShownLoss:
    return ShownLoss(
        total=loss.total,
        interrupted=loss.interrupted,
        removed=loss.removed,
        lines=[
            {
                "tasks": tasks,
                "word": format_state(state),
                # An address names no more, and a list of some would not be what is counted.
                "url": tasks_url(id=",".join(map(str, loss.tasks[state])))
                if tasks <= MAX_TASKS
                else "",
            }
            for state, tasks in loss.states.most_common()
        ],
    )


def draw_memory(node: Any, samples: Sequence[Any], *, tone: str, height: int = 120) -> Chart | None:
    """The memory of a node; None with fewer than two samples."""
    most = max((each.memory_bytes for each in samples), default=0)
    unit, name = (_GIBIBYTE, "GiB") if most >= _GIBIBYTE else (_MEBIBYTE, "MiB")
    values = [each.memory_bytes / unit for each in samples]

    def write(value: float) -> str:
        return f"{format_number(round(value, 1))} {name}"

    words = f"now {write(values[-1])}, at most {write(max(values))}" if values else ""
    return draw_samples(
        samples, values, f"Memory of {node.name}", words, write, tone=tone, height=height
    )


def draw_cpu(node: Any, samples: Sequence[Any], *, height: int = 120) -> Chart | None:
    """The CPU time of a node in percent of one core; None with fewer than two samples."""
    values = [each.cpu_percent for each in samples]
    words = f"now {values[-1]:.0f} %, at most {max(values):.0f} %" if values else ""
    return draw_samples(
        samples,
        values,
        f"CPU of {node.name} in percent of a core",
        words,
        lambda value: f"{value:,.0f} %",
        height=height,
    )


def draw_samples(
    samples: Sequence[Any],
    values: Sequence[float],
    what: str,
    words: str,
    write: Any,
    *,
    tone: str = "series",
    height: int = 120,
) -> Chart | None:
    """A line through samples; a node that did not report for a while has a gap there."""
    if len(samples) < 2:
        return None
    times, line = _with_gaps([each.at for each in samples], values)
    frame = Frame(
        times=times, zone=UTC, write=write, sentence=f"{what}: {words}", height=height, max_ticks=5
    )
    return draw_chart(frame, [Series(what, line, tone=tone, style="bold", has_area=True)])


def _with_gaps(
    times: Sequence[datetime], values: Sequence[float]
) -> tuple[list[datetime], list[float | None]]:
    """The samples with a gap where one is missing: between two that are three times further apart
    than is usual."""
    distances = sorted(later - at for at, later in pairwise(times))
    usual = distances[len(distances) // 2]
    shown: list[datetime] = []
    line: list[float | None] = []
    for at, value in zip(times, values, strict=True):
        if shown and at - shown[-1] > 3 * usual:
            shown.append(shown[-1] + usual)
            line.append(None)
        shown.append(at)
        line.append(value)
    return shown, line
