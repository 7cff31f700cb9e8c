"""What `manage.py top` shows of one moment. The reads are those of the overview, so both say the
same, and cost the same."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from controlplane.ops.overview.checks import Finding, run_checks
from controlplane.ops.overview.figures import add_up, count_ended
from controlplane.ops.overview.queries.source import HOUR, Source
from controlplane.ops.overview.recent import remember
from dlq.filters import GroupFilter
from dlq.queries.groups import (
    GroupView,
    Trends,
    describe_groups,
    list_letter_groups,
    read_trends,
)
from dlq.queries.replays import is_of_group, list_running
from tasks_app.queries import in_bounded_time
from tasks_app.queries.queues import QueueView
from tasks_app.queries.rates import Ends
from tasks_app.queries.samples import MINUTE, LaneSeries, read_lane_samples
from workers.states import NodeState

if TYPE_CHECKING:
    from dlq.models import Replay
    from workers.models import Node

MAX_GROUPS = 100
MAX_LINES = 40  # queues with a line of the last hour
_TREND_SECONDS = timedelta(seconds=15)
_READ_SECONDS = 10.0

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue. `is_late`: it misses the objective. `failed`: tasks, within an hour; `done`:
    attempts that completed, within an hour; `waits`: waiting tasks, the newest last."""

    view: QueueView
    is_late: bool
    done: int
    failed: int
    waits: Values = field(default_factory=list)

    @property
    def key(self) -> str:
        return str(self.view.queue.id)

    @property
    def name(self) -> str:
        return self.view.queue.name

    @property
    def is_paused(self) -> bool:
        return self.view.queue.paused_at is not None

    @property
    def oldest_seconds(self) -> float | None:
        oldest = self.view.oldest_waiting_ms
        return None if oldest is None else oldest / 1e3


@dataclass(frozen=True, slots=True)
class NodeLine:
    """A worker node that is alive, or was lost within a day."""

    node: "Node"

    @property
    def key(self) -> str:
        return str(self.node.id)

    @property
    def is_lost(self) -> bool:
        return bool(self.node.state == NodeState.LOST)

    @property
    def is_draining(self) -> bool:
        return bool(self.node.state == NodeState.DRAINING)


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group of failures. `bars`: deaths of the last hour by step, the newest last; `replay`: the
    one that reprocesses it now."""

    view: GroupView
    bars: Values
    replay: "Replay | None"

    @property
    def key(self) -> str:
        return str(self.view.group.id)


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of the head. `done_per_second`: attempts that completed in the newest full minute,
    None while that is not summed up; `failed`: of `ended` tasks in one hour."""

    waiting: int
    running: int
    slots: int
    oldest_seconds: float | None
    oldest_queue: str
    objective_seconds: float
    done_per_second: float | None
    failed: int
    ended: int
    letters: int
    is_estimate: bool
    waiting_line: Values
    done_line: Values
    letters_line: Values


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One workspace at one moment."""

    at: datetime
    workspace: str
    findings: Sequence[Finding]
    passed: int
    checked: int
    totals: Totals
    queues: Sequence[QueueLine]
    nodes: Sequence[NodeLine]
    groups: Sequence[GroupLine]
    has_more_groups: bool

    @property
    def wrong(self) -> int:
        return sum(finding.wrong for finding in self.findings)


class SnapshotReader:
    """Reads snapshots of a workspace. What changes once a minute is read once a minute."""

    def __init__(self, workspace_id: UUID) -> None:
        self.workspace_id = workspace_id
        self._lines: dict[int, LaneSeries] = {}
        self._lines_at: datetime | None = None
        self._trends: Trends | None = None
        self._trends_at: datetime | None = None

    def read(self) -> Snapshot:
        """Raises django.db.Error; Invalid: a statement took too long."""
        source = Source(self.workspace_id, None, lambda _permission: True, is_live=True)
        with in_bounded_time(_READ_SECONDS, narrow_by="another workspace"):
            report = run_checks(source.facts)
            self._read_lines(source)
            groups, has_more = self._read_groups(source)
            totals = _sum_up(source)
            queues = [self._describe_queue(source, view) for view in source.views]
        return Snapshot(
            at=source.at,
            workspace=source.workspace,
            # Outside the transaction: Redis may be slow.
            findings=remember(self.workspace_id, report.findings, source.at),
            passed=report.passed,
            checked=report.checked,
            totals=totals,
            queues=queues,
            nodes=[NodeLine(node) for node in source.nodes],
            groups=groups,
            has_more_groups=has_more,
        )

    def _read_lines(self, source: Source) -> None:
        if self._lines_at == source.minute:
            return
        lanes = [view.queue.id for view in source.views[:MAX_LINES]]
        self._lines = read_lane_samples(lanes, source.minute - HOUR, source.at, MINUTE)
        self._lines_at = source.minute

    def _describe_queue(self, source: Source, view: QueueView) -> QueueLine:
        ends = source.lane_ends.get(view.queue.id, Ends())
        oldest = view.oldest_waiting_ms
        is_late = oldest is not None and oldest / 1e3 > source.objective
        series = self._lines.get(view.queue.id)
        return QueueLine(
            view=view,
            is_late=is_late and view.queue.paused_at is None,
            done=ends.completed,
            failed=ends.failed_tasks,
            waits=[] if series is None else series.waiting,
        )

    def _read_groups(self, source: Source) -> tuple[list[GroupLine], bool]:
        rows = list_letter_groups(self.workspace_id, GroupFilter())
        found = list(rows.order_by("-last_seen", "-id")[: MAX_GROUPS + 1])
        groups = found[:MAX_GROUPS]
        if not groups:
            return [], False
        if self._trends_at is None or source.at - self._trends_at > _TREND_SECONDS:
            self._trends, self._trends_at = read_trends(self.workspace_id, groups), source.at
        trends, running = self._trends, list_running(self.workspace_id)
        lines = []
        for view in describe_groups(groups):
            bars = [] if trends is None else trends.of(view.group)
            replay = next((each for each in running if is_of_group(each, view.group)), None)
            lines.append(GroupLine(view, [float(bar) for bar in bars], replay))
        return lines, len(found) > MAX_GROUPS


def _sum_up(source: Source) -> Totals:
    ready = [
        (view.oldest_waiting_ms / 1e3, view.queue.name)
        for view in source.views
        if view.oldest_waiting_ms is not None and view.queue.paused_at is None
    ]
    oldest, queue = max(ready, default=(None, ""))
    hour = add_up([e for at, e in source.ends_by_minute.items() if at >= source.minute - HOUR])
    newest = source.minute - MINUTE
    is_summed = source.summed_until is not None and newest <= source.summed_until
    minutes = [source.minute - MINUTE * number for number in range(60, 0, -1)]
    return Totals(
        waiting=sum(view.counts.pending for view in source.views),
        running=sum(view.counts.running for view in source.views),
        slots=sum(node.concurrency for node in source.live_nodes),
        oldest_seconds=oldest,
        oldest_queue=queue,
        objective_seconds=source.objective,
        done_per_second=_completed(source, newest) / 60 if is_summed else None,
        failed=hour.failed_tasks,
        ended=count_ended(hour),
        letters=source.growth.open,
        is_estimate=source.growth.is_estimate,
        waiting_line=source.samples.waiting,
        done_line=[float(_completed(source, at)) for at in minutes] if is_summed else [],
        letters_line=[float(each) for each in source.growth.series],
    )


def _completed(source: Source, minute: datetime) -> int:
    return source.ends_by_minute.get(minute, Ends()).completed
