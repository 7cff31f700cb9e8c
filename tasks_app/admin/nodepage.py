"""The content of the page of one node: its slots with their tasks, what it used, what it ran."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from controlplane.core.admin.bars import draw_slots
from controlplane.core.admin.charts import MAX_BUCKETS
from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.formatting import format_count, format_duration
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.schema import represent_value
from controlplane.core.visibletext import isolated_text
from tasks_app.admin.links import tasks_url
from tasks_app.admin.nodelist import describe_busy, draw_cpu, draw_memory, try_losses
from tasks_app.models import TaskAttempt
from tasks_app.queries.node_work import list_held_tasks, list_newest_attempts
from tasks_app.states import AttemptOutcome
from workers.queries import list_samples
from workers.states import LIVE, NodeState

SPANS: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
}


def describe_node(node: Any, workspaces: Sequence[UUID] | None, span: str) -> dict[str, Any]:
    """The context of the template. `workspaces`: those whose tasks may be shown."""
    chosen = span if span in SPANS else "1h"
    end = node.stopped_at or now()
    samples = list_samples(node.id, end - SPANS[chosen]).filter(at__lte=end)
    shown = _thin(list(samples[: 4 * MAX_BUCKETS])[::-1])
    is_live = node.state in LIVE
    busy = min(node.concurrency, sum(1 for slot in node.slots if slot["running"]))
    loss = None
    if node.state == NodeState.LOST:
        loss = try_losses([node], workspaces).get(node.id)
    return {
        "is_live": is_live,
        "sentence": explain(node, busy),
        "slots": draw_slots(busy if is_live else 0, node.concurrency),
        "busy": busy if is_live else 0,
        "slot_rows": _slots(node, workspaces) if is_live else [],
        "heartbeat_age": (now() - node.heartbeat_at).total_seconds(),
        "up_seconds": (end - node.started_at).total_seconds(),
        "cpu": draw_cpu(node, shown),
        "memory": draw_memory(node, shown, tone="failed" if loss else "series"),
        "spans": list(SPANS),
        "span": chosen,
        "loss": loss,
        **_attempts(node, workspaces),
        "tasks_url": tasks_url(worker=node.name, internal=True),
    }


def explain(node: Any, busy: int) -> tuple[str, str]:
    """The state of the node in a sentence, and what explains it."""
    if node.state == NodeState.ACTIVE:
        return f"{describe_busy(busy, node.concurrency)}.", ""
    if node.state == NodeState.STARTING:
        return "It is starting.", "It takes tasks when all its processes are ready."
    if node.state == NodeState.DRAINING:
        running = format_count(node.running, "running task has", "running tasks have")
        return "It takes no new tasks.", f"It stops when {running} ended."
    end = "It was lost." if node.state == NodeState.LOST else "It stopped in order."
    return end, node.end_reason


def _slots(node: Any, workspaces: Sequence[UUID] | None) -> list[dict[str, Any]]:
    """Each slot with its longest-running task, as of the newest heartbeat; that of another
    workspace shows only that it runs."""
    held = list_held_tasks(node.id, workspaces)
    at = now()
    rows = []
    for slot in node.slots:
        task_id = parse_uuid_or_none(slot["taskId"] or "")
        started = datetime.fromisoformat(slot["startedAt"]) if slot["startedAt"] else None
        rows.append(
            {
                "slot": slot["slot"],
                "running": slot["running"],
                "task": held.get(task_id) if task_id else None,
                "ran": None if started is None else max(0.0, (at - started).total_seconds()),
            }
        )
    return rows


def _attempts(node: Any, workspaces: Sequence[UUID] | None) -> dict[str, Any]:
    try:
        found = list_newest_attempts(node.id, node.stopped_at, workspaces)
    except Invalid:
        return {"attempts": [], "attempts_problem": "Finding its attempts takes too long."}
    return {"attempts": [_attempt(each) for each in found], "attempts_problem": ""}


def _attempt(attempt: TaskAttempt) -> dict[str, Any]:
    error = represent_value("error", attempt.error, None)
    has_error = isinstance(error, Mapping)
    return {
        "task_id": attempt.task_id,
        "name": attempt.task_name,  # type: ignore[attr-defined] # set by the query
        "type": attempt.type,
        "number": attempt.attempt,
        "outcome": attempt.outcome,
        "word": AttemptOutcome(attempt.outcome).label,
        "ran": format_duration((attempt.finished_at - attempt.started_at).total_seconds()),
        "ended": attempt.finished_at,
        "error": f"{isolated_text(error.get('class'))}: {isolated_text(error.get('message'))}"
        if has_error
        else "",
    }


def _thin(samples: Sequence[Any]) -> list[Any]:
    """At most as many samples as a chart has points, one of each stretch."""
    step = max(1, -(-len(samples) // MAX_BUCKETS))
    return list(samples[::step])
