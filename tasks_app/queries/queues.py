"""Queues of a workspace, with what waits and runs in them now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from controlplane.core.errors import NotFound
from controlplane.core.sql import load_sql
from tasks_app.models import Queue
from tasks_app.processors.registry import internal_types
from tasks_app.states import TaskState

MAX_COUNTED = 1_000_000  # of one state in one queue
_OLDEST_LOOKED_AT = 20
_RECENT_LOOKED_AT = 50_000  # newest tasks of the workspace, among which a queue's are picked


@dataclass(frozen=True, slots=True)
class LaneCounts:
    """How many tasks of a queue are in each unfinished state; at most MAX_COUNTED each."""

    pending: int = 0
    running: int = 0
    scheduled: int = 0
    retrying: int = 0
    blocked: int = 0

    @property
    def is_capped(self) -> bool:
        """Whether there may be more than is said."""
        numbers = (self.pending, self.running, self.scheduled, self.retrying, self.blocked)
        return max(numbers) >= MAX_COUNTED


@dataclass(slots=True)
class QueueView:
    """A queue with its counts; `recent` only for one queue looked at by itself."""

    queue: Queue
    counts: LaneCounts
    oldest_waiting_ms: int | None
    recent_completed: list[UUID] = field(default_factory=list)
    recent_failed: list[UUID] = field(default_factory=list)


def list_queues(workspace_id: UUID) -> QuerySet[Queue]:
    """The queues of a workspace; at most services.lanes.MAX_QUEUES."""
    return Queue.objects.filter(workspace_id=workspace_id)


def view_queues(queues: Sequence[Queue]) -> list[QueueView]:
    """Queues with what waits and runs in them now."""
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


def count_lanes(lanes: Sequence[int]) -> dict[int, LaneCounts]:
    """The counts of these queues, by their ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "count_lanes"), {"lanes": list(lanes), "most": MAX_COUNTED}
        )
        return {lane: LaneCounts(*counts) for lane, *counts in cursor.fetchall()}


def list_longest_waits(lanes: Sequence[int]) -> dict[int, int]:
    """For how many milliseconds the ready task that waits longest has waited, by lane; lanes in
    which none is ready are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "find_oldest_waiting"),
            {"lanes": list(lanes), "some": _OLDEST_LOOKED_AT},
        )
        return dict(cursor.fetchall())


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
                "hidden": list(internal_types()),
            },
        )
        return [task for (task,) in cursor.fetchall()]
