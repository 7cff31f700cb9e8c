"""What each queue of a workspace holds now, and what ended in it lately."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Sum

from controlplane.core.clock import now
from tasks_app.models import Rollup
from tasks_app.selectors.lists import in_bounded_time
from tasks_app.selectors.queues import LaneCounts, count_lanes, list_queues

ENDED_HOURS = 24


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """Tasks in each state now; attempts that completed or failed since the beginning of the hour
    ENDED_HOURS ago, from roll-ups."""

    name: str
    active: int = 0
    waiting: int = 0
    delayed: int = 0
    blocked: int = 0
    completed: int = 0
    failed: int = 0


def list_queue_health(workspace_id: UUID) -> list[QueueHealth]:
    """Every queue of a workspace, by name. Raises Invalid when counting takes too long."""
    names = dict(list_queues(workspace_id).values_list("id", "name"))
    begin = (now() - timedelta(hours=ENDED_HOURS)).replace(minute=0, second=0, microsecond=0)
    with in_bounded_time(narrow_by="a look at one queue"):
        lanes = count_lanes(list(names))
        rows = (
            Rollup.objects.filter(workspace_id=workspace_id, seconds=3600, at__gte=begin)
            .values("queue_id")
            .annotate(completed_sum=Sum("completed"), failed_sum=Sum("failed"))
        )
        ended = {row["queue_id"]: (row["completed_sum"], row["failed_sum"]) for row in rows}
    return [
        _health(name, lanes.get(lane, LaneCounts()), *ended.get(lane, (0, 0)))
        for lane, name in sorted(names.items(), key=lambda each: each[1])
    ]


def _health(name: str, counts: LaneCounts, completed: int, failed: int) -> QueueHealth:
    return QueueHealth(
        name=name,
        active=counts.running,
        waiting=counts.pending,
        delayed=counts.scheduled + counts.retrying,
        blocked=counts.blocked,
        completed=completed,
        failed=failed,
    )
