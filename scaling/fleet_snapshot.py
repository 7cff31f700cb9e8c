"""All workers of the pool at one moment: the back-end's members, the nodes and the launches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from controlplane.core.clock import now
from scaling.fleet import Fleet, Member, Phase
from scaling.models import Launch
from scaling.queries.demand import WorkerCounts
from scaling.queries.launches import get_startup, list_starting
from tasks_app.queries.engine_health import unresponsive_after
from tasks_app.queues import ALL_QUEUES
from workers.queries import list_live_nodes
from workers.states import NodeState

if TYPE_CHECKING:
    from workers.models import Node

# A launch without a key gets a member that started at most this much earlier: the clocks of hosts
# differ.
_SKEW = timedelta(seconds=30)
_OVERDUE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker: its member, its node and its launch. Each may be missing, but not all. Without a
    member, the autoscaler cannot stop it."""

    member: Member | None
    node: "Node | None"
    launch: Launch | None

    @property
    def is_leaving(self) -> bool:
        is_ending = self.member is not None and self.member.phase in (Phase.STOPPING, Phase.ENDED)
        return is_ending or (self.node is not None and self.node.state == NodeState.DRAINING)

    @property
    def is_ready(self) -> bool:
        """It takes work, and its heartbeat is recent."""
        return (
            self.node is not None
            and self.node.state == NodeState.ACTIVE
            and self.node.heartbeat_at > now() - unresponsive_after()
            and not self.is_leaving
        )

    @property
    def name(self) -> str:
        if self.node is not None:
            return str(self.node.name)
        return self.member.key if self.member is not None else "a starting worker"

    def begun(self) -> datetime | None:
        """The beginning of its start; None if unknown."""
        if self.launch is not None:
            return self.launch.asked_at
        if self.node is not None:
            return self.node.started_at
        return self.member.started_at if self.member is not None else None


@dataclass(frozen=True, slots=True)
class FleetSnapshot:
    """All workers of the pool at one moment."""

    at: datetime
    workers: tuple[Worker, ...]
    ended: tuple[Member, ...]  # to be cleared
    gone: frozenset[int]  # their nodes, as far as these still look alive
    startup: float  # seconds, 95th percentile

    @property
    def ready(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.is_ready]

    @property
    def leaving(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.is_leaving]

    @property
    def starting(self) -> list[Worker]:
        """Workers that will take work, without those that exceeded the time-out."""
        limit = self.at - timedelta(seconds=settings.TASKPLANE_SCALING["START_TIMEOUT_SECONDS"])
        return [
            worker
            for worker in self.workers
            if not worker.is_ready
            and not worker.is_leaving
            and (begun := worker.begun()) is not None
            and begun > limit
        ]

    @property
    def unmanaged(self) -> int:
        """Ready workers that the autoscaler cannot stop."""
        return sum(1 for worker in self.ready if worker.member is None)

    @property
    def is_settled(self) -> bool:
        """No launch or drain must be tracked."""
        return not self.ended and all(worker.is_ready for worker in self.workers)

    def count(self) -> WorkerCounts:
        nodes = [worker.node for worker in self.ready if worker.node is not None]
        return WorkerCounts(
            ready=tuple(node.id for node in nodes),
            draining=tuple(w.node.id for w in self.leaving if w.node is not None),
            starting=tuple(sorted(self._eta(worker) for worker in self.starting)),
            startup=self.startup,
            slots=_slots(nodes),
        )

    def _eta(self, worker: Worker) -> float:
        begun = worker.begun() or self.at
        left = self.startup - (self.at - begun).total_seconds()
        # One that is late is expected soon.
        return round(max(left, self.startup * _OVERDUE_SHARE), 1)


def take_snapshot(fleet: Fleet, gone: Collection[int] = ()) -> FleetSnapshot:
    """Read the back-end, the nodes and the launches. `gone`: ids of nodes whose worker has ended,
    but which still look alive until they are declared lost. May raise FleetError."""
    found = fleet.list_members()
    members = [member for member in found if member.phase is not Phase.ENDED]
    ended = tuple(member for member in found if member.phase is Phase.ENDED)
    listed = list_pool_nodes()
    left = {
        node.id
        for node in listed
        if node.id in gone or any(_is_of(node, member) for member in ended)
    }
    nodes = [node for node in listed if node.id not in left]
    launches = _give_keys(list(list_starting()), members)
    by_key = {launch.key: launch for launch in launches if launch.key}
    workers: list[Worker] = []
    seen: set[int] = set()
    for member in members:
        node = next((n for n in nodes if n.id not in seen and _is_of(n, member)), None)
        if node is not None:
            seen.add(node.id)
        workers.append(Worker(member, node, by_key.pop(member.key, None)))
    workers += [Worker(None, node, None) for node in nodes if node.id not in seen]
    workers += [Worker(None, None, each) for each in launches if not each.key]
    return FleetSnapshot(
        at=now(),
        workers=tuple(workers),
        ended=ended,
        gone=frozenset(left),
        startup=get_startup(fleet.name, fleet.usual_startup),
    )


def look_again(workers: Sequence[Worker]) -> list[Worker]:
    """The same workers, with the nodes that have registered since."""
    if all(worker.node is not None for worker in workers):
        return list(workers)
    nodes = list(list_live_nodes())
    return [
        replace(worker, node=next((n for n in nodes if _is_of(n, worker.member)), None))
        if worker.node is None and worker.member is not None
        else worker
        for worker in workers
    ]


def list_pool_nodes() -> "list[Node]":
    """Live nodes that serve all queues of the pool, newest first."""
    queues = set(settings.TASKPLANE["WORKER_QUEUES"])
    return [
        node
        for node in list_live_nodes()
        if ALL_QUEUES in node.queues or queues <= set(node.queues)
    ]


def _is_of(node: "Node", member: Member) -> bool:
    return node.host == member.host and (member.pid is None or node.pid == member.pid)


def _give_keys(launches: list[Launch], members: Sequence[Member]) -> list[Launch]:
    """For back-ends that name workers only when they appear: the oldest launch gets the first
    worker."""
    nameless = [launch for launch in launches if not launch.key]
    if not nameless:
        return launches
    keys = [member.key for member in members]
    taken = set(Launch.objects.filter(key__in=keys).values_list("key", flat=True))
    new = sorted(
        (m for m in members if m.key not in taken and m.started_at is not None),
        key=lambda member: (member.started_at, member.key),
    )
    for launch in nameless:
        found = next(
            (m for m in new if m.started_at and m.started_at >= launch.asked_at - _SKEW), None
        )
        if found is None:
            break
        new.remove(found)
        launch.key = found.key
        launch.save(update_fields=["key"])
    return launches


def _slots(nodes: "Sequence[Node]") -> int:
    """Slots per worker: the mean of the ready workers, or the setting if there are none."""
    if not nodes:
        return int(settings.TASKPLANE["WORKER_CONCURRENCY"])
    return max(1, round(sum(node.concurrency for node in nodes) / len(nodes)))
