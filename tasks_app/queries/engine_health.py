"""The health of the engine as a whole, in a few bounded reads: leaders, workers, waiting work."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from controlplane.core.clock import now
from tasks_app.models import Leader, Queue, Task
from tasks_app.models.conditions import DUE
from tasks_app.queries.queues import list_longest_waits
from tasks_app.queues import ALL_QUEUES
from workers.models import Node
from workers.queries import list_live_nodes
from workers.states import NodeState

DISPATCHER = "dispatcher"
_MAX_NODES = 10_000
_MAX_LANES = 10_000


@dataclass(frozen=True, slots=True)
class LeaderView:
    """The leader of a loop. `seen_at` is its last pass; None when it has never run."""

    leads: bool  # a process holds the lead now
    seen_at: datetime | None = None
    label: str = ""  # host and process of the holder
    seen_ago: timedelta | None = None


def view_leader(name: str) -> LeaderView:
    """The loop of this name, such as `autoscaler`."""
    leader = Leader.objects.filter(name=name).first()
    if leader is None:
        return LeaderView(leads=False)
    at, seen = now(), leader.last_pass_at
    return LeaderView(
        leads=leader.expires_at > at,
        seen_at=seen,
        label=leader.holder_label,
        seen_ago=None if seen is None else max(timedelta(), at - seen),
    )


def has_worker(queue: str) -> bool:
    """Whether a worker with a recent heartbeat takes work of this queue."""
    return _list_serving().filter(queues__overlap=[queue, ALL_QUEUES]).exists()


def list_served_queues() -> set[str]:
    """The names of the queues that workers with a recent heartbeat take work of; `*` stands for
    all."""
    served = _list_serving().order_by("-id").values_list("queues", flat=True)
    return {name for queues in served[:_MAX_NODES] for name in queues}


def _list_serving() -> QuerySet[Node]:
    return list_live_nodes().filter(
        state=NodeState.ACTIVE, heartbeat_at__gt=now() - unresponsive_after()
    )


def get_promotion_lag() -> timedelta:
    """How long the oldest delayed task or retry has been due without being ready; 0 if none is."""
    at = now()
    due = Task.objects.filter(state__in=DUE, run_at__lte=at).order_by("run_at")
    oldest = due.values_list("run_at", flat=True).first()
    return timedelta() if oldest is None else at - oldest


def unresponsive_after() -> timedelta:
    """The time without a heartbeat after which a node does not count as live; at least a few
    heartbeats."""
    beat = settings.TASKPLANE["HEARTBEAT_INTERVAL_MS"] / 1000
    return timedelta(seconds=max(settings.TASKPLANE["LEASE_SECONDS"], 3 * beat))


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """`ready_queues` has the name and the longest wait in ms of each queue with ready work, longest
    first; paused and limited queues wait intentionally, and are left out."""

    has_dispatcher: bool  # one of them leads
    dispatcher_seen_ago: timedelta | None  # since its last pass; None before the first
    live_nodes: int
    ready_queues: list[tuple[str, int]]
    unserved_queues: list[str]  # those of ready_queues that no live worker takes work of

    @property
    def longest_wait_ms(self) -> int | None:
        """The longest wait among the ready tasks; None if none waits."""
        return self.ready_queues[0][1] if self.ready_queues else None


def read_engine_health(workspace_id: UUID | None) -> EngineHealth:
    """The state of dispatcher, workers and queues of a workspace; None: of all workspaces."""
    dispatcher = view_leader(DISPATCHER)
    served = list(_list_serving().values_list("queues", flat=True)[:_MAX_NODES])
    names = {name for queues in served for name in queues}
    ready = _find_ready(workspace_id)
    return EngineHealth(
        has_dispatcher=dispatcher.leads,
        dispatcher_seen_ago=dispatcher.seen_ago,
        live_nodes=len(served),
        ready_queues=ready,
        unserved_queues=[]
        if ALL_QUEUES in names
        else [name for name, _ in ready if name not in names],
    )


def _find_ready(workspace_id: UUID | None) -> list[tuple[str, int]]:
    free = Queue.objects.filter(
        paused_at__isnull=True, max_running__isnull=True, rate_per_second__isnull=True
    )
    if workspace_id is not None:
        free = free.filter(workspace_id=workspace_id)
    names = dict(free.values_list("id", "name").order_by("id")[:_MAX_LANES])
    longest: dict[str, int] = {}
    for lane, waited in list_longest_waits(list(names)).items():
        longest[names[lane]] = max(waited, longest.get(names[lane], 0))
    return sorted(longest.items(), key=lambda found: -found[1])
