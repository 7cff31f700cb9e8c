"""Pausing and limiting queues."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from controlplane.core.clock import now
from controlplane.core.errors import NotFound
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from tasks_app import transitions
from tasks_app.models import Queue
from tasks_app.wakeups import MAX_WAKE_UPS, notify_workers


def change_queue(*, workspace_id: UUID, name: str, actor: Actor, changes: dict[str, Any]) -> Queue:
    """Change `paused` (bool), `max_running`, `rate_per_second` (None lifts the limit). Audited.

    Raises NotFound.
    """
    with transaction.atomic():
        queue = (
            Queue.objects.select_for_update().filter(workspace_id=workspace_id, name=name).first()
        )
        if queue is None:
            raise NotFound(f"There is no queue {name!r}.")
        before = _limits(queue)
        if "paused" in changes and changes["paused"] != (queue.paused_at is not None):
            queue.paused_at = now() if changes["paused"] else None
            queue.paused_by = actor.label[:200] if changes["paused"] else ""
        if "max_running" in changes:
            queue.max_running = changes["max_running"]
        if "rate_per_second" in changes:
            queue.rate_per_second = changes["rate_per_second"]
            queue.rate_tokens, queue.rate_at = 0, now()
        queue.save()
        record_audit(
            workspace=workspace_id,
            actor=actor,
            action="queue.change",
            target_type="queue",
            target_id=name,
            detail={"before": before, "after": _limits(queue)},
        )
        # Whatever was held back may be ready now.
        transaction.on_commit(lambda: notify_workers(name, wake_ups=MAX_WAKE_UPS), robust=True)
    return queue


def _limits(queue: Queue) -> dict[str, Any]:
    return {
        "paused": queue.paused_at is not None,
        "maxRunning": queue.max_running,
        "ratePerSecond": queue.rate_per_second,
    }


def promote_due(*, limit: int) -> dict[str, int]:
    """SCHEDULED, RETRYING → PENDING for at most `limit` due tasks; how many per queue."""
    with transaction.atomic(), connection.cursor() as cursor:
        return transitions.promote_due(cursor, limit=limit)
