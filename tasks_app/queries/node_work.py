"""What nodes run, what they ran, and what they took along. A person sees the tasks of their own
workspaces; `workspaces` None means all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, QuerySet

from controlplane.core.clock import now
from controlplane.core.sql import load_sql
from tasks_app.models import Task, TaskAttempt
from tasks_app.queries.lists import in_bounded_time
from tasks_app.states import TaskState

MAX_ATTEMPTS_SHOWN = 20
MAX_TASKS = 100  # of a loss, by outcome and state
_SLACK = timedelta(minutes=1)
_ATTEMPT_WINDOWS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=2),
    timedelta(days=1),
)
_MAX_READ = 2_000
_MAX_SLOTS = 2_000
_SECONDS = 1.5  # the page shows the rest without them


@dataclass(slots=True)
class Loss:
    """The tasks that a lost node took along: how many by their present state, and some of each.
    `removed`: tasks that no longer exist."""

    states: Counter[str] = field(default_factory=Counter)
    lost: int = 0  # attempts that were charged
    interrupted: int = 0  # attempts that were given back
    removed: int = 0
    tasks: dict[str, list[UUID]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return self.lost + self.interrupted


def count_running_types(
    node_ids: Sequence[int], workspaces: Sequence[UUID] | None
) -> dict[int, Counter[str]]:
    """How many tasks of each type these nodes hold, by node."""
    running = _own(Task.objects.filter(state=TaskState.RUNNING, node_id__in=node_ids), workspaces)
    found: dict[int, Counter[str]] = {}
    for node, type_name, tasks in (
        running.order_by().values_list("node_id", "type").annotate(n=Count("id"))
    ):
        found.setdefault(node, Counter())[type_name] = tasks
    return found


def list_held_tasks(node_id: int, workspaces: Sequence[UUID] | None) -> dict[UUID, Task]:
    """The tasks that a node holds, by id."""
    running = Task.objects.filter(state=TaskState.RUNNING, node_id=node_id)
    held = _own(running, workspaces).select_related("queue__workspace")
    shown = held.only(
        "id", "name", "type", "state", "attempt", "max_attempts", "started_at", "queue__name",
        "queue__workspace__slug",
    )  # fmt: skip
    return {task.id: task for task in shown.order_by("started_at")[:_MAX_SLOTS]}


def find_losses(
    ended: Sequence[tuple[int, datetime]], workspaces: Sequence[UUID] | None
) -> dict[int, Loss]:
    """What these nodes took along, by node; each with the time of its end. Raises Invalid when
    that takes too long."""
    if not ended:
        return {}
    losses = {node: Loss() for node, _ in ended}
    with in_bounded_time(_SECONDS, narrow_by="fewer nodes"), connection.cursor() as cursor:
        cursor.execute(
            load_sql("tasks_app", "group_losses"),
            {
                "nodes": [node for node, _ in ended],
                "ends": [at for _, at in ended],
                "since": min(at for _, at in ended) - _SLACK,
                "slack": f"{_SLACK.total_seconds():.0f} s",
                "workspaces": None if workspaces is None else list(workspaces),
                "most": MAX_TASKS,
            },
        )
        for node, outcome, state, attempts, tasks in cursor.fetchall():
            loss = losses[node]
            if outcome == "LOST":
                loss.lost += attempts
            else:
                loss.interrupted += attempts
            if state is None:
                loss.removed += attempts
                continue
            loss.states[state] += attempts
            loss.tasks.setdefault(state, []).extend(tasks)
    return losses


def list_newest_attempts(
    node_id: int, until: datetime | None, workspaces: Sequence[UUID] | None
) -> list[TaskAttempt]:
    """The newest attempts of a node that ended, newest first, with their tasks; `until` is when the
    node ended. They are looked for in the shortest of a few spans that has enough of them. Raises
    Invalid when that takes too long."""
    end = (until or now()) + _SLACK
    attempts = TaskAttempt.objects.filter(node_id=node_id)
    if workspaces is not None:
        attempts = attempts.filter(workspace_id__in=workspaces)
    found: list[TaskAttempt] = []
    with in_bounded_time(_SECONDS, narrow_by="a shorter span"):
        for window in _ATTEMPT_WINDOWS:
            recent = attempts.filter(finished_at__gte=end - _SLACK - window, finished_at__lt=end)
            found = list(recent.order_by()[:_MAX_READ])
            if len(found) >= MAX_ATTEMPTS_SHOWN:
                break
    newest = sorted(found, key=lambda each: each.finished_at, reverse=True)[:MAX_ATTEMPTS_SHOWN]
    names = dict(
        Task.objects.filter(id__in=[each.task_id for each in newest]).values_list("id", "name")
    )
    for attempt in newest:
        attempt.task_name = names.get(attempt.task_id)  # type: ignore[attr-defined] # for the page
    return newest


def _own(tasks: QuerySet[Task], workspaces: Sequence[UUID] | None) -> QuerySet[Task]:
    return tasks if workspaces is None else tasks.filter(workspace_id__in=workspaces)
