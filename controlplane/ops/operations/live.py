"""Live topic: one bulk operation."""

from uuid import UUID

from controlplane.core.schema import field_names, represent
from controlplane.live.changes import Snapshot
from controlplane.live.topics import WATCHER, Topic, read_uuid, register
from controlplane.ops.operations.queries import get_operation
from controlplane.ops.operations.schema import Operation

# The selection may have a thousand ids, and does not change.
_FIELDS = tuple(name for name in field_names(Operation) if name not in ("selection", "options"))


def read_operation(workspace_id: UUID, key: str) -> Snapshot:
    """The operation with its progress and its counts."""
    found = represent(Operation, get_operation(workspace_id, UUID(key)), WATCHER, fields=_FIELDS)
    return {**found, "share": found["percent"] / 100}


register(Topic("operation:<id>", read=read_operation, resource="operations", read_key=read_uuid))
