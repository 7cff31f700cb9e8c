"""Reads of nodes. Nodes serve all workspaces, so these take none."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Sum, Value, When

from controlplane.core.clock import now
from controlplane.core.errors import NotFound
from workers.models import Node, NodeSample
from workers.naming import read_node_id
from workers.states import LIVE, NodeState

VIEW_NODE = "workers.view_node"  # Django's permission, which the pages of nodes need
_LIVE = [state.value for state in LIVE]
_REMEMBERED = timedelta(hours=1)
LOST_SHOWN = timedelta(hours=24)  # pages show a lost node for so long
_BY_NEED = (
    NodeState.LOST,
    NodeState.DRAINING,
    NodeState.STARTING,
    NodeState.ACTIVE,
    NodeState.STOPPED,
)
_MAX_FOUND = 1_000
_MAX_LIFETIMES = 10_000


def get_node(node_id: int) -> Node:
    """One node, living or ended. Raises NotFound."""
    # Beyond the column's range there is none, and asking would be an error.
    node = Node.objects.filter(id=node_id).first() if 0 < node_id < 2**31 else None
    if node is None:
        raise NotFound(f"There is no node {node_id}.")
    return node


def find_node(text: str) -> Node:
    """One node by its id or its name. Raises NotFound."""
    node_id = read_node_id(text)
    if node_id is None:
        raise NotFound(f"There is no node {text!r}: give its id, or its name as in vm#12.")
    node = get_node(node_id)
    if "#" in text and node.name != text:
        raise NotFound(f"There is no node {text!r}; node {node_id} is {node.name}.")
    return node


def list_nodes(
    states: Sequence[str] = (), *, name: str = "", since: datetime | None = None
) -> QuerySet[Node]:
    """Nodes in these states and with this name; without either, those that live or ended since
    then, which is an hour ago by default."""
    found = Node.objects.filter(name=name) if name else Node.objects.all()
    if states:
        return found.filter(state__in=states)
    if name:
        return found
    return found.filter(Q(state__in=_LIVE) | Q(stopped_at__gt=since or now() - _REMEMBERED))


def take_shown(nodes: QuerySet[Node], limit: int) -> list[Node]:
    """At most `limit` of these nodes, the newest first. Stopped ones are left out first, then lost
    ones: a node that takes work is never hidden by many short-lived ones."""
    rank = Case(
        When(state__in=_LIVE, then=Value(0)),
        When(state=NodeState.LOST, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    taken = nodes.alias(rank=rank).order_by("rank", "-stopped_at", "-id")[:limit]
    return sorted(taken, key=lambda node: node.id, reverse=True)


def list_lost_since(since: datetime) -> QuerySet[Node]:
    """Nodes that were lost from then on, the newest loss first."""
    lost = Node.objects.filter(state=NodeState.LOST, stopped_at__gte=since)
    return lost.order_by("-stopped_at", "-id")


def count_ended(since: datetime) -> dict[str, int]:
    """How many nodes ended from then on, by their final state."""
    ended = Node.objects.filter(stopped_at__gte=since).order_by().values_list("state")
    counts = {NodeState.STOPPED.value: 0, NodeState.LOST.value: 0}
    return counts | dict(ended.annotate(n=Count("id")))


def list_samples(node_id: int, since: datetime | None = None) -> QuerySet[NodeSample]:
    samples = NodeSample.objects.filter(node_id=node_id).order_by("-at", "-id")
    return samples if since is None else samples.filter(at__gte=since)


def list_samples_of(node_ids: Sequence[int], since: datetime) -> dict[int, list[NodeSample]]:
    """The samples of these nodes since then, oldest first, by node."""
    found: dict[int, list[NodeSample]] = {}
    samples = NodeSample.objects.filter(node_id__in=node_ids, at__gte=since).order_by("at", "id")
    for sample in samples:
        found.setdefault(sample.node_id, []).append(sample)
    return found


def list_shown_nodes(since: datetime, *, state: str = "", search: str = "") -> QuerySet[Node]:
    """The nodes of the page: those that live or ended since then, or all of one state; those that
    need a look first. `search` is a part of the name, the host or the reason of the end."""
    found = Node.objects.all()
    if state:
        found = found.filter(state=state)
    elif not search:
        found = found.filter(Q(state__in=_LIVE) | Q(stopped_at__gt=since))
    if search:
        found = found.filter(
            Q(name__icontains=search) | Q(host__icontains=search) | Q(end_reason__icontains=search)
        )
    rank = Case(
        *(When(state=each, then=Value(n)) for n, each in enumerate(_BY_NEED)),
        output_field=IntegerField(),
    )
    return found.alias(rank=rank).order_by("rank", "-stopped_at", "id")


def count_slots() -> tuple[int, int]:
    """The busy slots and all slots of the nodes that take work."""
    taking = Node.objects.filter(state=NodeState.ACTIVE)
    sums = taking.aggregate(running=Sum("running"), slots=Sum("concurrency"))
    return int(sums["running"] or 0), int(sums["slots"] or 0)


def find_successors(node_ids: Sequence[int]) -> dict[int, Node]:
    """The incarnation that followed each of these nodes, when its worker lived on."""
    found = Node.objects.filter(replaces__in=node_ids)
    return {node.replaces: node for node in found if node.replaces is not None}


def list_lifetimes(since: datetime) -> list[tuple[datetime, datetime | None]]:
    """When each node began and ended, of those that lived since then; at most the newest ten
    thousand."""
    lived = Node.objects.filter(Q(state__in=_LIVE) | Q(stopped_at__gt=since))
    times = lived.order_by("-id").values_list("started_at", "stopped_at")
    return list(times[:_MAX_LIFETIMES])


def count_states(since: datetime) -> Counter[str]:
    """How many nodes live or ended since then, by state."""
    shown = Node.objects.filter(Q(state__in=_LIVE) | Q(stopped_at__gt=since))
    return Counter(dict(shown.order_by().values_list("state").annotate(n=Count("id"))))


def count_lost(at: datetime) -> int:
    """How many nodes were lost within the time for which pages show them."""
    lost = Node.objects.filter(state=NodeState.LOST, stopped_at__gt=at - LOST_SHOWN)
    return lost.count()


@dataclass(frozen=True, slots=True)
class Deployment:
    """A release began to run: the first node that had it."""

    at: datetime
    release: str
    node_id: int
    node: str


def list_deployments(begin: datetime, end: datetime, limit: int) -> list[Deployment]:
    """The newest changes of release in this time, newest first."""
    lived = Q(stopped_at__isnull=True) | Q(stopped_at__gte=begin)
    before = Node.objects.filter(started_at__lt=begin).order_by("-started_at", "-id").values("id")
    nodes = Node.objects.filter(lived | Q(id__in=before[:1]), started_at__lte=end)
    newest = nodes.order_by("-id").only("id", "name", "release", "started_at", "stopped_at")
    found = find_deployments(newest[:_MAX_LIFETIMES])
    return [each for each in found if each.at >= begin][:limit]


def find_deployments(nodes: Iterable[Node]) -> list[Deployment]:
    """The changes of release among these nodes, newest first: a node began with a release that no
    other node ran then, and that the node before it did not have. So a return to an earlier release
    is one, while a node that restarts beside others is none; and the first node is no change."""
    found: list[Deployment] = []
    ends: dict[str, datetime | None] = {}  # by release: when the last of its nodes so far ended
    previous: Node | None = None
    for node in sorted(nodes, key=lambda node: (node.started_at, node.id)):
        known = node.release in ends
        end = ends.get(node.release)
        is_beside = known and (end is None or end >= node.started_at)
        if node.release and previous and previous.release != node.release and not is_beside:
            found.append(Deployment(node.started_at, node.release, node.id, node.name))
        if not known or (end is not None and (node.stopped_at is None or node.stopped_at > end)):
            ends[node.release] = node.stopped_at
        previous = node
    return found[::-1]


def list_live_nodes() -> QuerySet[Node]:
    return Node.objects.filter(state__in=_LIVE).order_by("-id")


def list_heartbeats() -> dict[int, int]:
    return dict(Node.objects.filter(state__in=_LIVE).values_list("id", "heartbeat"))


def list_ended_ids(node_ids: Sequence[int]) -> list[int]:
    """The nodes among these that have ended."""
    ended = Node.objects.filter(id__in=node_ids).exclude(state__in=_LIVE)
    return list(ended.values_list("id", flat=True))


def count_rescued_tasks(since: datetime) -> int:
    """How many tasks were taken back from nodes that ended from then on."""
    ended = Node.objects.filter(stopped_at__gte=since)
    return int(ended.aggregate(total=Sum("rescued"))["total"] or 0)


def get_node_names(node_ids: Sequence[int]) -> dict[int, str]:
    return dict(Node.objects.filter(id__in=node_ids).values_list("id", "name"))


def find_nodes(labels: Sequence[str]) -> list[Node]:
    """The nodes, ended ones too, that are called so: by name (`vm#12`), by id, or by the name of
    their worker (`vm`), which each of its incarnations has; at most the newest thousand."""
    of_workers = Q()
    for label in labels:
        of_workers |= Q(name__startswith=f"{label}#")
    ids = {tail for label in labels if (tail := _id_in(label)) is not None}
    found = Node.objects.filter(Q(name__in=list(labels)) | Q(id__in=ids) | of_workers).order_by(
        "-id"
    )
    wanted = set(labels)
    return [
        n for n in found[:_MAX_FOUND] if wanted & {n.name, str(n.id), n.name.rpartition("#")[0]}
    ]


def _id_in(label: str) -> int | None:
    digits = label.rpartition("#")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
