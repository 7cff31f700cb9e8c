"""Reads the facts that the checks look at."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.ops.overview.checks.engine import LOSS_SHOWN, MAX_LOST
from controlplane.ops.overview.checks.finding import MOST
from controlplane.ops.overview.checks.queues import misses_objective
from controlplane.ops.overview.checks.work import FAILED_IN_A_ROW, RECENT, leaves_baseline
from controlplane.ops.overview.errors import show_error
from controlplane.ops.overview.facts import (
    FleetFact,
    Loop,
    LostNode,
    QueueFact,
    TypeFact,
    Values,
)
from controlplane.ops.schedules.queries.failing import FailingSchedule, list_failing
from dlq.models import DeadLetter
from scaling.models import Pool
from scaling.queries.pool import AUTOSCALER, find_problem, get_values
from tasks_app.models import Leader, Task
from tasks_app.queries.engine_health import DISPATCHER, unresponsive_after
from tasks_app.queries.node_work import find_losses
from tasks_app.queries.queues import QueueView
from tasks_app.queries.rates import Ends, TypeRates, rate_types, read_ends
from tasks_app.queries.samples import MINUTE, LaneSeries
from tasks_app.queues import is_served
from tasks_app.states import TaskState
from workers.models import Node, NodeSample
from workers.states import NodeState

_MAX_SAMPLES = 200
_WEIGHTED = (
    3  # minutes over which a failure rate is averaged, so that one quiet minute ends nothing
)
_MAX_HOLDERS = 3


def describe_queues(
    views: Sequence[QueueView], series: dict[int, LaneSeries], nodes: Sequence[Node]
) -> list[QueueFact]:
    """The queues with the series that are known of them."""
    names = {name for node in nodes if is_live(node) for name in node.queues}
    return [
        QueueFact(
            id=view.queue.id,
            name=view.queue.name,
            waiting=view.counts.pending,
            running=view.counts.running,
            oldest_seconds=None if view.oldest_waiting_ms is None else view.oldest_waiting_ms / 1e3,
            paused_at=view.queue.paused_at,
            paused_by=view.queue.paused_by,
            pause_reason=getattr(view.queue, "pause_reason", ""),
            max_running=view.queue.max_running,
            rate_per_second=view.queue.rate_per_second,
            is_served=is_served(view.queue.name, names),
            waits=_in_seconds(series.get(view.queue.id)),
        )
        for view in views
    ]


def name_holders(queues: Sequence[QueueFact], objective: float) -> list[QueueFact]:
    """The same, those that wait too long with the types that run in them."""
    late = [each.id for each in queues if misses_objective(each, objective) and each.running]
    if not late:
        return list(queues)
    running = Task.objects.filter(state=TaskState.RUNNING, queue_id__in=late).order_by()
    found: dict[int, Counter[str]] = {}
    for lane, name, number in running.values_list("queue_id", "type").annotate(n=Count("id")):
        found.setdefault(lane, Counter())[name] = number
    return [
        replace(each, holders=found.get(each.id, Counter()).most_common(_MAX_HOLDERS))
        for each in queues
    ]


def describe_types(
    workspace_id: UUID, at: datetime, read_letters: Callable[[], Sequence[DeadLetter]], actor: Any
) -> list[TypeFact]:
    """The types that ended attempts recently; those above their baseline with their series and the
    most frequent of their newest errors. `read_letters` reads the newest dead letters."""
    rates = rate_types(workspace_id, at.replace(second=0, microsecond=0) - RECENT)
    flagged = sorted(
        (each for each in rates if leaves_baseline(each)), key=lambda each: -each.failed
    )
    names = [each.type for each in flagged[: MOST + 1]]
    begin = at.replace(second=0, microsecond=0) - 60 * MINUTE
    ends = read_ends(workspace_id, begin, MINUTE, types=names) if names else {}
    letters = read_letters() if names else []
    return [
        _describe_type(each, begin, ends, letters, actor) if each.type in names else TypeFact(each)
        for each in rates
    ]


def _describe_type(
    rates: TypeRates,
    begin: datetime,
    ends: dict[tuple[datetime, str], Ends],
    letters: Sequence[DeadLetter],
    actor: Any,
) -> TypeFact:
    minutes = [ends.get((begin + MINUTE * number, rates.type), Ends()) for number in range(61)]
    shares = [share_failed(minutes[max(0, n - _WEIGHTED + 1) : n + 1]) for n in range(61)]
    errors = [
        shown
        for letter in letters
        if letter.type == rates.type and (shown := show_error(letter.error, actor))
    ]
    counts = Counter(str(error.get("class") or "") for error in errors)
    most = counts.most_common(1)[0][0] if counts else None
    error = next((each for each in errors if str(each.get("class") or "") == most), None)
    return TypeFact(rates, _since(rates, begin, shares), shares, error)


def share_failed(minutes: Sequence[Ends]) -> float | None:
    """The share of failed attempts; None when none ended."""
    failed = sum(each.failed for each in minutes)
    ended = failed + sum(each.completed for each in minutes)
    return failed / ended if ended else None


def _since(rates: TypeRates, begin: datetime, shares: Values) -> datetime | None:
    """The first minute of those up to now whose rate is above the middle between the usual and the
    recent one; None when it was above for the whole hour."""
    before = rates.completed_before + rates.failed_before
    usual = rates.failed_before / before if before else 0.0
    limit = (usual + rates.failed / max(1, rates.failed + rates.completed)) / 2
    number = len(shares) - 1
    while number >= 0 and ((share := shares[number]) is None or share > limit):
        number -= 1
    return None if number < 0 else begin + MINUTE * min(number + 1, len(shares) - 1)


def is_live(node: Node) -> bool:
    """Whether it takes work and reports."""
    is_active: bool = node.state == NodeState.ACTIVE
    return is_active and now() - node.heartbeat_at < unresponsive_after()


def describe_lost(workspace_id: UUID, nodes: Sequence[Node], at: datetime) -> list[LostNode]:
    """The nodes that were lost within the last hour, the newest first; those that get a sentence
    each with what they took along and their memory in the hour before."""
    lost = [
        node
        for node in nodes
        if node.state == NodeState.LOST
        and node.stopped_at is not None
        and at - node.stopped_at < LOSS_SHOWN
    ]
    if not lost:
        return []
    named = lost[: MAX_LOST + 1]
    since = min(node.stopped_at for node in named if node.stopped_at) - timedelta(hours=1)
    samples = NodeSample.objects.filter(node__in=named, at__gte=since).order_by("-at", "-id")
    memory: dict[int, list[float | None]] = {}
    for node_id, used in samples.values_list("node_id", "memory_bytes")[:_MAX_SAMPLES]:
        memory.setdefault(node_id, []).insert(0, float(used))
    losses = _find_losses(workspace_id, named)
    return [
        LostNode(
            id=node.id,
            name=node.name,
            lost_at=node.stopped_at or at,
            reason=node.end_reason,
            tasks=node.rescued,
            states=losses.get(node.id),
            memory=memory.get(node.id, []),
        )
        for node in lost
    ]


def _find_losses(workspace_id: UUID, lost: Sequence[Node]) -> dict[int, Mapping[str, int]]:
    """The states of the tasks that they took along, by node; nothing if that takes too long."""
    ended = [(node.id, node.stopped_at) for node in lost if node.stopped_at is not None]
    try:
        found = find_losses(ended, [workspace_id])
    except Invalid:
        return {}
    return {node: loss.states for node, loss in found.items()}


def read_loops(at: datetime) -> tuple[Loop, Loop]:
    """The dispatcher and the autoscaler."""
    rows = {row.name: row for row in Leader.objects.filter(name__in=[DISPATCHER, AUTOSCALER])}
    found = []
    for name in (DISPATCHER, AUTOSCALER):
        row = rows.get(name)
        found.append(
            Loop(False, None) if row is None else Loop(row.expires_at > at, row.last_pass_at)
        )
    return found[0], found[1]


def describe_fleet(pool: Pool, waiting: Values) -> FleetFact:
    """The pool, with what waits."""
    values = get_values(pool)
    return FleetFact(
        is_on=bool(values["enabled"]),
        target=pool.target,
        maximum=int(values["max_workers"]),
        problem=find_problem(pool),
        waiting=waiting,
    )


def list_failing_schedules(workspace_id: UUID, actor: Any) -> list[FailingSchedule]:
    """The schedules that failed several times in a row, with what the actor may see of errors."""
    return [
        replace(each, error=show_error(each.error, actor))
        for each in list_failing(workspace_id, least=FAILED_IN_A_ROW, with_error=MOST + 1)
    ]


def _in_seconds(series: LaneSeries | None) -> Values:
    return (
        [] if series is None else [None if ms is None else ms / 1e3 for ms in series.oldest_wait_ms]
    )
