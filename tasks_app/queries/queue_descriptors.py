"""Descriptions of queues: those that people wrote, and otherwise those of the settings."""

from uuid import UUID

from controlplane.workspaces.models import AuditEvent
from tasks_app.declared_queues import declared_queues
from tasks_app.descriptors import FIELDS, Descriptor
from tasks_app.models import Queue, QueueDescriptor

DESCRIBE = "queue.describe"
_MAX_READ = 5_000  # of all workspaces


def describe_queue(queue: Queue) -> Descriptor:
    """The description of a queue that was read with its descriptor (`select_related`)."""
    stored = getattr(queue, "descriptor", None)
    return _choose(queue.name, stored)


def _choose(name: str, stored: QueueDescriptor | None) -> Descriptor:
    if stored is not None:
        return Descriptor.of({field: getattr(stored, field) for field in FIELDS})
    return declared_queues().get(name, Descriptor())


class QueueDescriptors:
    """Those of the queues of a page, read in one statement when the first is asked for."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, str], QueueDescriptor] | None = None

    def get(self, workspace: str, name: str) -> Descriptor:
        """By the workspace's name in addresses, and the name of the queue."""
        if self._stored is None:
            rows = QueueDescriptor.objects.select_related("queue__workspace")[:_MAX_READ]
            self._stored = {(row.queue.workspace.slug, row.queue.name): row for row in rows}
        return _choose(name, self._stored.get((workspace, name)))


def find_last_description(workspace_id: UUID, name: str) -> AuditEvent | None:
    """Who last described the queue, with what it was before and after."""
    events = AuditEvent.objects.filter(
        workspace_id=workspace_id, target_type="queue", target_id=name, action=DESCRIBE
    )
    return events.order_by("-id").first()
