"""The tasks of each queue of a workspace, and the attempts that ended within the last day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Sum

from controlplane.core.clock import now
from tasks_app.models import Rollup
from tasks_app.processors.registry import internal_types
from tasks_app.queries.counts import count_tasks
from tasks_app.queries.lists import in_bounded_time
from tasks_app.queries.queues import list_queues
from tasks_app.states import TaskState

ENDED_HOURS = 24


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """Tasks of a queue by state; attempts that ended since the beginning of the hour ENDED_HOURS
    ago, from roll-ups."""

    name: str
    active: int = 0
    waiting: int = 0
    delayed: int = 0
    blocked: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    succeeded_attempts: int = 0
    failed_attempts: int = 0


@dataclass(frozen=True, slots=True)
class QueuesHealth:
    """All queues by name, and whether their counts are estimates."""

    queues: list[QueueHealth]
    is_estimate: bool


def list_queue_health(workspace_id: UUID, *, with_internal: bool = False) -> QueuesHealth:
    """Every queue of a workspace. Raises Invalid when counting takes too long."""
    names = dict(list_queues(workspace_id).values_list("id", "name"))
    begin = (now() - timedelta(hours=ENDED_HOURS)).replace(minute=0, second=0, microsecond=0)
    hidden = () if with_internal else internal_types()
    with in_bounded_time(narrow_by="a look at one queue"):
        counts = count_tasks(workspace_id, with_internal=with_internal)
        rows = (
            Rollup.objects.filter(workspace_id=workspace_id, seconds=3600, at__gte=begin)
            .exclude(type__in=hidden)
            .values("queue_id")
            .annotate(succeeded=Sum("completed"), bad=Sum("failed"))
        )
        attempts = {row["queue_id"]: (row["succeeded"], row["bad"]) for row in rows}
    queues = [
        _health(name, counts.by_state.get(queue, {}), *attempts.get(queue, (0, 0)))
        for queue, name in sorted(names.items(), key=lambda each: each[1])
    ]
    return QueuesHealth(queues, counts.is_estimate)


def _health(
    name: str, tasks: Mapping[str, int], succeeded_attempts: int, failed_attempts: int
) -> QueueHealth:
    return QueueHealth(
        name=name,
        active=tasks.get(TaskState.RUNNING, 0),
        waiting=tasks.get(TaskState.PENDING, 0),
        delayed=tasks.get(TaskState.SCHEDULED, 0) + tasks.get(TaskState.RETRYING, 0),
        blocked=tasks.get(TaskState.BLOCKED, 0),
        completed=tasks.get(TaskState.COMPLETED, 0),
        failed=tasks.get(TaskState.FAILED, 0),
        cancelled=tasks.get(TaskState.CANCELLED, 0),
        succeeded_attempts=succeeded_attempts,
        failed_attempts=failed_attempts,
    )
