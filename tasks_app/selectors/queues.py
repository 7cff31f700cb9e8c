"""Queues of a workspace, with what waits and runs in them now."""

from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import connection

from controlplane.core.errors import NotFound
from controlplane.core.sql import load_sql
from tasks_app.models import Queue
from tasks_app.states import TaskState

MOST_COUNTED = 1_000_000  # of one state in one queue
_OLDEST_LOOKED_AT = 20
_RECENT_LOOKED_AT = 50_000  # newest tasks of the workspace, among which a queue's are picked


@dataclass(frozen=True, slots=True)
class LaneCounts:
    """How many tasks of a queue are in each unfinished state; at most MOST_COUNTED each."""

    pending: int = 0
    running: int = 0
    scheduled: int = 0
    retrying: int = 0
    blocked: int = 0

    @property
    def is_capped(self) -> bool:
        """Whether there may be more than is said."""
        numbers = (self.pending, self.running, self.scheduled, self.retrying, self.blocked)
        return max(numbers) >= MOST_COUNTED


@dataclass(slots=True)
class QueueView:
    """A queue with its counts; `recent` only for one queue looked at by itself."""

    queue: Queue
    counts: LaneCounts
    oldest_waiting_ms: int | None
    recent_completed: list[UUID] = field(default_factory=list)
    recent_failed: list[UUID] = field(default_factory=list)


def list_queues(workspace_id: UUID) -> list[QueueView]:
    """Every queue of a workspace, by name."""
    return _views(workspace_id, None)


def get_queue(workspace_id: UUID, name: str) -> QueueView:
    """One queue with its hot view: the newest completed and failed tasks. Raises NotFound."""
    found = _views(workspace_id, name)
    if not found:
        raise NotFound(f"There is no queue {name!r}.")
    view = found[0]
    view.recent_completed = _recent(
        view.queue, TaskState.COMPLETED, settings.TASKPLANE["REMOVE_ON_COMPLETE"]
    )
    view.recent_failed = _recent(view.queue, TaskState.FAILED, settings.TASKPLANE["REMOVE_ON_FAIL"])
    return view


def count_lanes(workspace_id: UUID, name: str | None = None) -> dict[int, LaneCounts]:
    """The counts of each queue of a workspace, or of the one of this name, by its id."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_lanes"),
            {"workspace": workspace_id, "name": name, "most": MOST_COUNTED},
        )
        return {lane: LaneCounts(*counts) for lane, *counts in cursor.fetchall()}


def _views(workspace_id: UUID, name: str | None) -> list[QueueView]:
    queues = Queue.objects.filter(workspace_id=workspace_id).order_by("name")
    if name is not None:
        queues = queues.filter(name=name)
    counts = count_lanes(workspace_id, name)
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "find_oldest_waiting"),
            {"workspace": workspace_id, "name": name, "some": _OLDEST_LOOKED_AT},
        )
        oldest: dict[int, int] = dict(cursor.fetchall())
    return [
        QueueView(queue, counts.get(queue.id, LaneCounts()), oldest.get(queue.id))
        for queue in queues
    ]


def _recent(queue: Queue, state: TaskState, limit: int | None) -> list[UUID]:
    """The newest tasks of a queue that ended so. `limit` None means as far as is looked."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", f"list_recent_{state.lower()}"),
            {
                "workspace": queue.workspace_id,
                "queue": queue.id,
                "limit": limit,
                "most": _RECENT_LOOKED_AT,
            },
        )
        return [task for (task,) in cursor.fetchall()]
