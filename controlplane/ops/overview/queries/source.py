"""What the panels of one page are made of. Each part is read once, when a panel asks for it first;
a part that cannot be read fails only the panels that need it."""

from collections.abc import Callable, Sequence
from copy import copy
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.ops.overview.checks import Finding
from controlplane.ops.overview.facts import Facts, Loop, QueueFact, Values, up_to_now
from controlplane.ops.overview.queries.facts import (
    describe_fleet,
    describe_lost,
    describe_queues,
    describe_types,
    is_live,
    list_failing_schedules,
    name_holders,
    read_loops,
)
from controlplane.ops.schedules.beat import BEAT
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.queries import get_lag
from controlplane.workspaces.queries import get_workspace_slug
from dlq.models import DeadLetter
from dlq.queries.growth import LetterGrowth, read_growth
from scaling.models import Pool, ScalingEvent
from scaling.queries.events import list_events
from scaling.queries.pool import get_values, read_pool
from tasks_app.descriptors import Descriptor
from tasks_app.labels import Label, label_type
from tasks_app.models import Rollup, RollupMark, Task
from tasks_app.queries.declarations import Catalogue, read_catalogue
from tasks_app.queries.engine_health import get_promotion_lag
from tasks_app.queries.queue_descriptors import describe_queue
from tasks_app.queries.queues import QueueView, list_queues, view_queues
from tasks_app.queries.rates import Ends, read_ends, read_lane_ends
from tasks_app.queries.samples import (
    MINUTE,
    LaneSeries,
    Samples,
    read_lane_samples,
    read_samples,
)
from workers.models import Node
from workers.queries import list_nodes, take_shown
from workers.states import LIVE, NodeState

HOUR = timedelta(hours=1)
SPANS = {"1h": (HOUR, MINUTE), "6h": (6 * HOUR, 5 * MINUTE), "24h": (24 * HOUR, 10 * MINUTE)}
DEFAULT_SPAN = "1h"
SHOWN_QUEUES = 8
DRAWN_QUEUES = 5
_SHOWN_FAILURES = 5
_LETTERS_READ = 200  # newest ones, among which the most frequent error of a type is found
_SHOWN_EVENTS = 5
_SHOWN_SCHEDULES = 6
_MAX_NODES = 500
_REMEMBERED = timedelta(days=1)


class Source:
    """The figures of one workspace for one reader. `may`: whether they have a permission of Django;
    `span`: a key of SPANS, of the charts; `is_live`: lines end at their last sample, so that they
    are not drawn again each second."""

    def __init__(
        self,
        workspace_id: UUID,
        actor: Any,
        may: Callable[[str], bool],
        span: str = DEFAULT_SPAN,
        *,
        is_live: bool = False,
    ) -> None:
        self.workspace_id = workspace_id
        self.actor = actor
        self.may = may
        self.span = span if span in SPANS else DEFAULT_SPAN
        self.is_live = is_live
        self.at = now()
        self.minute = self.at.replace(second=0, microsecond=0)

    def for_another(self, may: Callable[[str], bool]) -> "Source":
        """The same figures, as far as they are read, for a reader with other permissions."""
        other = copy(self)
        other.may = may
        return other

    @cached_property
    def workspace(self) -> str:
        """Its name in addresses."""
        return get_workspace_slug(self.workspace_id)

    @cached_property
    def has_worked(self) -> bool:
        """Whether the workspace has or had a task."""
        if Task.objects.filter(workspace_id=self.workspace_id).exists():
            return True
        return Rollup.objects.filter(workspace_id=self.workspace_id).exists()

    @cached_property
    def views(self) -> list[QueueView]:
        """The queues, those that wait longest first, paused ones last."""
        views = view_queues(list(list_queues(self.workspace_id)))
        return sorted(
            views,
            key=lambda view: (
                view.queue.paused_at is not None,
                -(view.oldest_waiting_ms or 0),
                -view.counts.pending,
                -view.counts.running,
                view.queue.name,
            ),
        )

    @cached_property
    def all_nodes(self) -> list[Node]:
        """Live nodes, and those that ended within a day."""
        return take_shown(list_nodes(since=self.at - _REMEMBERED), _MAX_NODES)

    @cached_property
    def nodes(self) -> list[Node]:
        """Lost nodes, the newest loss first, and live ones by name."""
        lost = [node for node in self.all_nodes if node.state == NodeState.LOST]
        lost.sort(key=lambda node: node.stopped_at or self.at, reverse=True)
        live = [node for node in self.all_nodes if node.state in LIVE]
        return [*lost, *sorted(live, key=lambda node: node.name)]

    @cached_property
    def live_nodes(self) -> list[Node]:
        """Those that take work and report."""
        return [node for node in self.nodes if is_live(node)]

    @cached_property
    def samples(self) -> Samples:
        """The last hour, minute by minute."""
        paused = [view.queue.id for view in self.views if view.queue.paused_at is not None]
        begin = self.minute - HOUR
        return read_samples(self.workspace_id, begin, self.at, MINUTE, apart=paused)

    @cached_property
    def lane_samples(self) -> dict[int, LaneSeries]:
        """The last hour of the queues that are shown."""
        lanes = [view.queue.id for view in self.views[:SHOWN_QUEUES]]
        return read_lane_samples(lanes, self.minute - HOUR, self.at, MINUTE)

    @cached_property
    def drawn(self) -> tuple[list[QueueView], dict[int, LaneSeries]]:
        """The queues of the chart of waits, with their series over its span."""
        views = [view for view in self.views if view.queue.paused_at is None][:DRAWN_QUEUES]
        if self.span == DEFAULT_SPAN:
            return views, self.lane_samples
        begin, step = self.begin, SPANS[self.span][1]
        lanes = [view.queue.id for view in views]
        return views, read_lane_samples(lanes, begin, self.at, step)

    def line(self, samples: Values, value: float | None) -> Values:
        """The samples of a line, with the value of now unless it is live."""
        return samples if self.is_live else up_to_now(samples, value)

    @property
    def begin(self) -> datetime:
        """Where the charts begin: at a beginning of one of their steps."""
        return self.floored - SPANS[self.span][0]

    @property
    def floored(self) -> datetime:
        """The beginning of the charts' newest step."""
        seconds = int(SPANS[self.span][1].total_seconds())
        return datetime.fromtimestamp(
            int(self.at.timestamp()) // seconds * seconds, tz=self.at.tzinfo
        )

    @cached_property
    def ends_by_minute(self) -> dict[datetime, Ends]:
        """What ended in the last two hours."""
        found = read_ends(self.workspace_id, self.minute - 2 * HOUR, MINUTE)
        return {at: ends for (at, _), ends in found.items()}

    @cached_property
    def ends(self) -> dict[datetime, Ends]:
        """What ended in each step of the charts."""
        if self.span == DEFAULT_SPAN:
            return self.ends_by_minute
        found = read_ends(self.workspace_id, self.begin, SPANS[self.span][1])
        return {at: ends for (at, _), ends in found.items()}

    @cached_property
    def summed_until(self) -> datetime | None:
        """Up to where the roll-ups are complete, but for the minute that goes on."""
        return RollupMark.objects.values_list("until", flat=True).first()

    @cached_property
    def lane_ends(self) -> dict[int, Ends]:
        """What ended in each queue within the last hour."""
        return read_lane_ends(self.workspace_id, self.minute - HOUR)

    @cached_property
    def newest_letters(self) -> Sequence[DeadLetter]:
        """The newest failures, whatever became of them."""
        return self._read_letters(_SHOWN_FAILURES)

    def _read_letters(self, most: int = _LETTERS_READ) -> Sequence[DeadLetter]:
        """The newest dead letters. Their errors are long: many are read only for a type that fails
        more than it did."""
        found = DeadLetter.objects.filter(workspace_id=self.workspace_id).order_by("-id")
        return list(found.only("id", "task_id", "name", "type", "error", "died_at")[:most])

    @cached_property
    def catalogue(self) -> Catalogue:
        """What live nodes declare of the task types."""
        return read_catalogue()

    def label_type(self, name: str) -> Label:
        """A task type as its name is shown."""
        return label_type(self.catalogue.get(name))

    def describe(self, finding: Finding) -> Descriptor:
        """What people say of the task type or the queue that a finding is about."""
        if finding.type:
            return self.catalogue.describe(finding.type)
        named = (each.queue for each in self.views if each.queue.name == finding.queue)
        queue = next(named, None) if finding.queue else None
        return Descriptor() if queue is None else describe_queue(queue)

    @cached_property
    def growth(self) -> LetterGrowth:
        """How the open letters came about."""
        return read_growth(self.workspace_id, self.at)

    @cached_property
    def pool(self) -> Pool:
        """The fleet."""
        return read_pool()

    @cached_property
    def values(self) -> dict[str, Any]:
        """The fleet's configuration in force."""
        return get_values(self.pool)

    @property
    def objective(self) -> float:
        """Within how many seconds a task should start."""
        return float(self.values["objective_seconds"])

    @cached_property
    def events(self) -> list[ScalingEvent]:
        """The newest decisions that changed something, or should have."""
        return list(list_events().prefetch_related(None)[:_SHOWN_EVENTS])

    @cached_property
    def schedules(self) -> list[Schedule]:
        """Those that fire next."""
        found = self._active_schedules().order_by("next_at").select_related(*BEAT)
        return list(found[:_SHOWN_SCHEDULES])

    @cached_property
    def schedule_count(self) -> int:
        """Those that will fire."""
        number: int = self._active_schedules().count()
        return number

    def _active_schedules(self) -> Any:
        return Schedule.objects.filter(
            workspace_id=self.workspace_id, next_at__isnull=False, paused_at__isnull=True
        )

    @cached_property
    def loops(self) -> tuple[Loop, Loop]:
        """The dispatcher and the autoscaler."""
        return read_loops(self.at)

    @cached_property
    def queue_facts(self) -> list[QueueFact]:
        """The queues for the checks."""
        return describe_queues(self.views, self.lane_samples, self.nodes)

    @cached_property
    def facts(self) -> Facts:
        """What the checks look at."""
        dispatcher, autoscaler = self.loops
        return Facts(
            workspace_id=self.workspace_id,
            at=self.at,
            objective_seconds=self.objective,
            queues=name_holders(self.queue_facts, self.objective),
            types=describe_types(self.workspace_id, self.at, self._read_letters, self.actor),
            letters=self.growth,
            failing=list_failing_schedules(self.workspace_id, self.actor),
            schedules=self.schedule_count,
            overdue_seconds=get_lag().total_seconds(),
            overdue_task_seconds=get_promotion_lag().total_seconds(),
            summed_until=self.summed_until,
            lost=describe_lost(self.workspace_id, self.nodes, self.at),
            live_nodes=len(self.live_nodes),
            fleet=describe_fleet(self.pool, self.samples.waiting),
            dispatcher=dispatcher,
            autoscaler=autoscaler,
        )
