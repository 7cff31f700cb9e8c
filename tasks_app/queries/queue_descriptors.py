"""Descriptions of queues: those that people wrote, and otherwise those of the settings."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from controlplane.core.process_state import register_reset
from controlplane.workspaces.models import AuditEvent
from tasks_app.descriptors import FIELDS, Descriptor, find_faults
from tasks_app.models import Queue, QueueDescriptor
from tasks_app.queues import NAME

DESCRIBE = "queue.describe"
_MAX_READ = 5_000  # of all workspaces


@cache
def declared_queues() -> Mapping[str, Descriptor]:
    """What TASKPLANE_QUEUES says, by the name of the queue. Raises ImproperlyConfigured."""
    declared: Any = settings.TASKPLANE["QUEUES"]
    if not isinstance(declared, dict):
        raise ImproperlyConfigured("TASKPLANE_QUEUES must be an object of queues by their names.")
    return {name: _read(name, values) for name, values in declared.items()}


register_reset(declared_queues.cache_clear)


def _read(name: str, values: Any) -> Descriptor:
    place = f"TASKPLANE_QUEUES, queue {name!r}"
    if not NAME.fullmatch(name):
        raise ImproperlyConfigured(f"{place}: this cannot be the name of a queue.")
    is_right = isinstance(values, dict) and all(isinstance(each, str) for each in values.values())
    if not is_right or not values.keys() <= set(FIELDS):
        raise ImproperlyConfigured(f"{place}: give texts for some of {', '.join(FIELDS)}.")
    descriptor = Descriptor(**values)
    for field, rule in find_faults(descriptor):
        raise ImproperlyConfigured(f"{place}: {field} is {values[field]!r}: {rule}")
    return descriptor


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
