"""The content of the page of one queue: what waits, why, who fills it, what fails."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.schema import represent_value
from tasks_app.admin.links import queue_tasks_url, quoted
from tasks_app.admin.queuecharts import SPANS, draw_course, draw_runs, draw_usage, draw_waits
from tasks_app.admin.queuefillers import describe_fillers
from tasks_app.admin.queuestate import QueueState, explain, read_state
from tasks_app.models import Queue, Task
from tasks_app.queries.fillers import group_failures
from tasks_app.queries.performance import Figures
from tasks_app.queries.queue_changes import list_queue_changes
from tasks_app.queries.queues import list_running_longest
from workers.queries import get_node_names

_MAX_RUNNING = 12
_MAX_FAILURES = 5


def describe_queue(
    queue: Queue,
    *,
    objective_ms: float | None,
    workspaces: Sequence[UUID] | None,
    span: str,
    grouping: str,
) -> dict[str, Any]:
    """The context of the template. `workspaces`: those whose shares of the queue may be shown."""
    state = read_state(queue, objective_ms)
    chosen = span if span in SPANS else "1h"
    changes = list_queue_changes(queue, now() - timedelta(minutes=SPANS[chosen][0]))
    running = list_running_longest(queue, _MAX_RUNNING)
    return {
        "state": state,
        "sentence": explain(state),
        "course": draw_course(state, chosen, changes),
        "spans": list(SPANS),
        "span": chosen,
        "waits": draw_waits(state),
        "runs": draw_runs(state),
        "fillers": describe_fillers(queue, workspaces, grouping, state.counts.pending),
        "failures": describe_failures(state),
        "failed_url": queue_tasks_url(queue, status="FAILED", finishedAfter=state.span.begin),
        "running": describe_running(running),
        "running_url": queue_tasks_url(queue, status="RUNNING"),
        "waiting_url": queue_tasks_url(queue, status="PENDING"),
        "last_change": list_queue_changes(queue, None)[:1],
        "failed_words": failed_share(state.hour.total),
        "usage": draw_usage(state),
    }


def describe_failures(state: QueueState) -> list[dict[str, Any]]:
    """What failed in the last hour, the most frequent first."""
    groups = group_failures(state.queue, state.span.begin)
    return [
        {
            "class": each.error_class or "Unknown error",
            "type": each.type,
            "tasks": each.tasks,
            "message": _message(represent_value("error", each.error, None)),
            "url": queue_tasks_url(
                state.queue,
                status="FAILED",
                type=each.type,
                errorClass=quoted(each.error_class),
                finishedAfter=state.span.begin,
            ),
        }
        for each in groups[:_MAX_FAILURES]
    ]


def _message(shown: Any) -> str:
    return str(shown.get("message", "")) if isinstance(shown, Mapping) else ""


def describe_running(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """The tasks that have run longest, with their nodes."""
    names = get_node_names([task.node_id for task in tasks if task.node_id])
    at = now()
    return [
        {
            "task": task,
            "node": names.get(task.node_id or 0, ""),
            "ran": _seconds(task.started_at, at),
        }
        for task in tasks
    ]


def failed_share(figures: Figures) -> str:
    """`598 of 3,842`: tasks that failed, of those that ended; empty without any."""
    ended = figures.completed + figures.failed_tasks
    return f"{figures.failed_tasks:,} of {ended:,}" if ended else ""


def _seconds(since: datetime | None, at: datetime) -> float | None:
    return None if since is None else (at - since).total_seconds()
