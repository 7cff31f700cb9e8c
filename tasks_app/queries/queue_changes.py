"""Who changed a queue: its pauses and limits, from the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Queue

_MAX_CHANGES = 20


@dataclass(frozen=True, slots=True)
class QueueChange:
    """One change: by whom, when, and what it was before and after, by the names of the API."""

    at: datetime
    by: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reason: str

    @property
    def words(self) -> str:
        """In two or three words."""
        if self.before.get("paused") != self.after.get("paused"):
            return "paused" if self.after.get("paused") else "resumed"
        return "limits changed"


def list_queue_changes(queue: Queue, since: datetime | None) -> list[QueueChange]:
    """The newest changes of a queue since then, or of all time, newest first."""
    events = AuditEvent.objects.filter(
        workspace_id=queue.workspace_id,
        target_type="queue",
        target_id=queue.name,
        action="queue.change",
    ).order_by("-id")
    if since is not None:
        events = events.filter(created_at__gte=since)
    return [
        QueueChange(
            at=event.created_at,
            by=event.actor_label,
            before=event.detail.get("before", {}),
            after=event.detail.get("after", {}),
            reason=str(event.detail.get("reason", "")),
        )
        for event in events[:_MAX_CHANGES]
    ]
