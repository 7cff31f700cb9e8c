"""The lists of the overview, as rows of words: queues, failures, workers, scaling, schedules."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.timezone import get_current_timezone_name, localtime

from controlplane.core.admin.bars import Slots, draw_slots
from controlplane.core.admin.charts import Spark, draw_spark
from controlplane.core.formatting import (
    EMPTY,
    format_clock,
    format_compact,
    format_count,
    format_duration,
    format_size,
    format_time,
    shorten,
)
from controlplane.core.visibletext import visible_name
from controlplane.ops.overview.checks.queues import lacks_worker
from controlplane.ops.overview.drawings import write_rate
from controlplane.ops.overview.errors import show_error
from controlplane.ops.overview.queries.source import SHOWN_QUEUES, Source
from controlplane.ops.schedules.queries import describe
from controlplane.ops.schedules.queries.schedules import ScheduleView
from scaling import sentences
from tasks_app.labels import Label, label_queue
from tasks_app.queries.queue_descriptors import describe_queue
from tasks_app.queries.rates import Ends
from tasks_app.queries.samples import LaneSeries
from workers.states import NodeState

if TYPE_CHECKING:
    from scaling.models import ScalingEvent
    from workers.models import Node

_SHOWN_NODES = 9
_MOST_SLOTS = 32  # that are drawn one by one
_ERROR_SHOWN = 160


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue in the list. `note` says what the shape of its state means; `is_note_shown`: also to
    people who see the shape."""

    id: int
    label: Label
    state: str
    note: str
    is_note_shown: bool
    oldest: str
    is_late: bool
    waiting: str
    running: str
    limit: str
    rate: str
    failed: int
    spark: Spark | None

    @property
    def key(self) -> str:
        """The row's own."""
        return str(self.id)


def read_queues(source: Source) -> dict[str, Any]:
    """The queues that wait longest."""
    rows = [_queue_row(source, number) for number in range(min(SHOWN_QUEUES, len(source.views)))]
    return {
        "rows": rows,
        "total": len(source.views),
        "objective": format_duration(source.objective),
    }


def _queue_row(source: Source, number: int) -> QueueRow:
    view = source.views[number]
    queue, counts = view.queue, view.counts
    seconds = None if view.oldest_waiting_ms is None else view.oldest_waiting_ms / 1e3
    is_paused = queue.paused_at is not None
    is_late = not is_paused and seconds is not None and seconds > source.objective
    is_unserved = lacks_worker(source.queue_facts[number], len(source.live_nodes))
    ends = source.lane_ends.get(queue.id, Ends())
    series = source.lane_samples.get(queue.id, LaneSeries([], []))
    return QueueRow(
        id=queue.id,
        label=label_queue(queue.name, describe_queue(queue)),
        state="PAUSED" if is_paused else "FAILED" if is_late or is_unserved else "COMPLETED",
        note=_note(is_paused=is_paused, is_unserved=is_unserved, is_late=is_late),
        is_note_shown=is_paused or is_unserved,
        oldest=EMPTY if seconds is None else format_duration(seconds),
        is_late=is_late,
        waiting=format_compact(counts.pending),
        running=format_compact(counts.running),
        limit="" if queue.max_running is None else f"of {queue.max_running:,}",
        rate=write_rate(ends.completed / 3_600) if ends.completed else EMPTY,
        failed=ends.failed_tasks,
        spark=draw_spark(
            source.line(series.waiting, counts.pending),
            f"{queue.name}: waiting tasks, one hour.",
            height=20,
        ),
    )


def _note(*, is_paused: bool, is_unserved: bool, is_late: bool) -> str:
    if is_paused:
        return "paused"
    if is_unserved:
        return "no worker serves it"
    return "misses its objective" if is_late else ""


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A task that failed. `type` is left out where it is the name."""

    letter_id: Any
    task_id: Any
    name: str
    type: Label | None
    error: str
    at: datetime
    exact: str

    @property
    def key(self) -> str:
        """The row's own."""
        return str(self.letter_id)


def read_failures(source: Source) -> dict[str, Any]:
    """The newest failures."""
    rows = []
    for letter in source.newest_letters:
        error = show_error(letter.error, source.actor)
        parts = (str(error.get("class") or ""), str(error.get("message") or ""))
        rows.append(
            FailureRow(
                letter_id=letter.id,
                task_id=letter.task_id,
                name=visible_name(letter.name),
                type=None if letter.type == letter.name else source.label_type(letter.type),
                error=shorten(": ".join(part for part in parts if part), _ERROR_SHOWN),
                at=letter.died_at,
                exact=format_time(letter.died_at),
            )
        )
    return {"rows": rows, "in_an_hour": sum(source.growth.new.values())}


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A worker node."""

    id: int
    name: str
    state: str
    lost_at: datetime | None
    exact: str
    busy: int
    total: int
    slots: Slots | None
    cpu: str
    memory: str

    @property
    def key(self) -> str:
        """The row's own."""
        return str(self.id)


def read_workers(source: Source) -> dict[str, Any]:
    """The nodes, lost ones first."""
    lost = sum(node.state == NodeState.LOST for node in source.nodes)
    active = len(source.live_nodes)
    words = [format_count(active, "active", "active")]
    if lost:
        words.append(f"{lost} lost in 24 h")
    return {
        "rows": [_node_row(node) for node in source.nodes[:_SHOWN_NODES]],
        "note": ", ".join(words),
        "total": len(source.nodes),
    }


def _node_row(node: "Node") -> NodeRow:
    is_lost = node.state == NodeState.LOST
    return NodeRow(
        id=node.id,
        name=visible_name(node.name),
        state="FAILED" if is_lost else str(node.state),
        lost_at=node.stopped_at if is_lost else None,
        exact=format_time(node.stopped_at) if is_lost else "",
        busy=node.running,
        total=node.concurrency,
        slots=draw_slots(node.running, node.concurrency)
        if node.concurrency <= _MOST_SLOTS
        else None,
        cpu=EMPTY if is_lost or node.cpu_percent is None else f"{node.cpu_percent:.0f} %",
        memory=EMPTY if node.memory_bytes is None else format_size(node.memory_bytes),
    )


@dataclass(frozen=True, slots=True)
class EventRow:
    """A decision about the number of workers."""

    id: Any
    at: datetime
    clock: str
    exact: str
    change: str
    sentence: str

    @property
    def key(self) -> str:
        """The row's own."""
        return str(self.id)


def read_scaling(source: Source) -> dict[str, Any]:
    """The newest decisions, in words."""
    pool = source.pool
    words = [sentences.workers(pool.ready)]
    if pool.target is not None:
        words.append(f"target {pool.target}")
    words.append(f"maximum {source.values['max_workers']}")
    rows = [_event_row(event, source.at) for event in source.events]
    return {"rows": rows, "note": ", ".join(words)}


def _event_row(event: "ScalingEvent", at: datetime) -> EventRow:
    before, after = event.from_workers, event.to_workers
    is_change = before != after
    # The numbers stand beside it.
    sentence = event.sentence.removeprefix(sentences.change(before, after)).strip()
    return EventRow(
        id=event.id,
        at=event.at,
        clock=format_clock(event.at, at),
        exact=format_time(event.at),
        change=f"{before} → {after}" if is_change else str(after),
        sentence=sentence or event.sentence,
    )


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule with its next time."""

    id: Any
    name: str
    words: str
    next_at: datetime
    exact: str
    clock: str

    @property
    def key(self) -> str:
        """The row's own."""
        return str(self.id)


def read_schedules(source: Source) -> dict[str, Any]:
    """What fires next."""
    rows = [
        ScheduleRow(
            id=each.id,
            name=visible_name(each.name),
            words=_words(describe(each)),
            next_at=each.next_at,
            exact=format_time(each.next_at),
            clock=f"{localtime(each.next_at):%H:%M %Z}",
        )
        for each in source.schedules
        if each.next_at is not None
    ]
    return {"rows": rows, "total": source.schedule_count}


def _words(view: ScheduleView) -> str:
    """When it fires; the zone is beside the time, unless it is another one."""
    return view.words.removesuffix(f" ({get_current_timezone_name()})")
