"""Queues: what waits and runs in them now, who comes first, and how fast they move."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, QuerySet

from controlplane.core.clock import now as utc_now
from controlplane.core.errors import NotFound
from controlplane.core.sql import load_sql
from tasks_app.descriptors import Descriptor
from tasks_app.models import Queue, Task, TaskAttempt
from tasks_app.processors.registry import internal_types
from tasks_app.queries.counts import MAX_CHANGES, LaneCounts, count_lanes
from tasks_app.queries.queue_descriptors import describe_queue
from tasks_app.states import TaskState

MAX_POSITION = 10_000
_OLDEST_OF_A_PRIORITY, _OLDEST_OF_A_QUEUE = 20, 300
# Among which a queue's newest are picked: tasks that ended last, tasks of the workspace.
_ENDED_LOOKED_AT, _RECENT_LOOKED_AT = 2_000, 50_000
_HOLDERS_SHOWN = 20
_ENOUGH = 50  # attempts from which a short window says how fast a queue moves
_MAX_ATTEMPTS = 50_000
_WINDOWS_SECONDS = (10, 60, 300)


@dataclass(slots=True)
class QueueView:
    """A queue with its counts; `recent` only for a single queue."""

    queue: Queue
    counts: LaneCounts
    oldest_waiting_ms: int | None
    recent_completed: list[UUID] = field(default_factory=list)
    recent_failed: list[UUID] = field(default_factory=list)

    @property
    def descriptor(self) -> Descriptor:
        """Its description."""
        return describe_queue(self.queue)


def list_queues(workspace_id: UUID) -> QuerySet[Queue]:
    """The queues of a workspace; at most services.lanes.MAX_QUEUES."""
    queues = Queue.objects.select_related("descriptor")
    return queues.filter(workspace_id=workspace_id)


def view_queues(queues: Sequence[Queue]) -> list[QueueView]:
    """Queues with their waiting and running tasks."""
    lanes = [queue.id for queue in queues]
    counts = count_lanes(lanes)
    waits = list_longest_waits(lanes)
    return [
        QueueView(queue, counts.get(queue.id, LaneCounts()), waits.get(queue.id))
        for queue in queues
    ]


def get_queue(workspace_id: UUID, name: str) -> QueueView:
    """One queue with its hot view: the newest completed and failed tasks. Raises NotFound."""
    queue = list_queues(workspace_id).filter(name=name).first() if "\x00" not in name else None
    if queue is None:
        raise NotFound(f"There is no queue {name!r}.")
    view = view_queues([queue])[0]
    view.recent_completed = _recent(
        queue, TaskState.COMPLETED, settings.TASKPLANE["REMOVE_ON_COMPLETE"]
    )
    view.recent_failed = _recent(queue, TaskState.FAILED, settings.TASKPLANE["REMOVE_ON_FAIL"])
    return view


def list_longest_waits(lanes: Sequence[int]) -> dict[int, int]:
    """For how many milliseconds the ready task that waits longest has waited, by lane; lanes in
    which none is ready are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "find_oldest_waiting"),
            {
                "lanes": list(lanes),
                "some": _OLDEST_OF_A_PRIORITY,
                "most": _OLDEST_OF_A_QUEUE,
            },
        )
        return dict(cursor.fetchall())


def list_queues_with_ready_tasks() -> dict[str, int]:
    """Queues with claimable work, of all workspaces, with a lower bound of how much: enough to
    know how many slots to wake. Costs one index probe per lane, whatever the backlog."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql("tasks_app", "list_ready_queues"))
        return dict(cursor.fetchall())


def get_queue_position(task: Task) -> int:
    """The place of a ready task in its queue, from 1; MAX_POSITION + 1 means that or later."""
    ready = Task.objects.filter(queue_id=task.queue_id, state=TaskState.PENDING).order_by()
    # Two ranges of the index of ready tasks: for both in one condition, it reads all of the queue.
    higher = ready.filter(priority__gt=task.priority).values("id")[:MAX_POSITION]
    older = ready.filter(priority=task.priority, id__lt=task.id).values("id")[:MAX_POSITION]
    return min(MAX_POSITION, higher.union(older, all=True).count()) + 1


def recent_rate(queue: Queue) -> float | None:
    """Attempts that this queue ended per second, in the shortest recent window with enough of them,
    from when the first of them started; None when none ended in five minutes."""
    ended = TaskAttempt.objects.filter(queue_id=queue.id).order_by()
    for seconds in _WINDOWS_SECONDS:
        at = utc_now()
        recent = ended.filter(finished_at__gte=at - timedelta(seconds=seconds))
        ends = recent.values("started_at")[:_MAX_ATTEMPTS].aggregate(
            count=Count("started_at"), first=Min("started_at")
        )
        count: int = ends["count"]
        if count >= _ENOUGH or (count and seconds == _WINDOWS_SECONDS[-1]):
            # A queue that has just begun did not work for the whole window.
            worked: float = max(1.0, (at - ends["first"]).total_seconds())
            return count / min(seconds, worked)
    return None


def list_running(queue: Queue) -> tuple[list[Task], int]:
    """The tasks of a queue that have run longest, and how many run."""
    running = Task.objects.filter(queue_id=queue.id, state=TaskState.RUNNING)
    shown = running.order_by("started_at").only("id", "name", "state")[:_HOLDERS_SHOWN]
    return list(shown), running.count()


def list_running_longest(queue: Queue, limit: int) -> list[Task]:
    """The tasks of a queue that have run longest."""
    running = Task.objects.filter(queue_id=queue.id, state=TaskState.RUNNING)
    shown = running.order_by("started_at").only(
        "id", "name", "type", "state", "attempt", "max_attempts", "started_at", "node_id"
    )
    return list(shown[:limit])


def seconds_until_token(queue: Queue) -> float:
    """How long until the queue's token bucket has room for one start; 0 when it has now."""
    rate = queue.rate_per_second
    if rate is None:
        return 0.0
    idle = max(0.0, (utc_now() - queue.rate_at).total_seconds())
    tokens = min(max(1.0, rate), queue.rate_tokens + idle * rate)
    return max(0.0, (1.0 - tokens) / rate)


def _recent(queue: Queue, state: TaskState, limit: int | None) -> list[UUID]:
    """The newest tasks of a queue with this end. `limit` None means no limit but that of the
    scan."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", f"list_recent_{state.lower()}"),
            {
                "workspace": queue.workspace_id,
                "queue": queue.id,
                "limit": limit,
                "few": _ENDED_LOOKED_AT,
                "most": _RECENT_LOOKED_AT,
                "changes": MAX_CHANGES,
                "hidden": list(internal_types()),
            },
        )
        return [task for (task,) in cursor.fetchall()]
