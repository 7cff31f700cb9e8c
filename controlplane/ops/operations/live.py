"""Live topics: one bulk operation, and the newest ones."""

from typing import Any
from uuid import UUID

from controlplane.core.schema import field_names, represent
from controlplane.live.changes import Snapshot
from controlplane.live.topics import WATCHER, Topic, read_uuid, register, rows
from controlplane.ops.operations.queries import get_operation, list_operations
from controlplane.ops.operations.schema import Operation

# The selection may have a thousand ids, and does not change.
_FIELDS = tuple(name for name in field_names(Operation) if name not in ("selection", "options"))

_MAX_OPERATIONS = 50  # a page of the list


def read_operation(workspace_id: UUID, key: str) -> Snapshot:
    """The operation with its progress and its counts."""
    return _describe(get_operation(workspace_id, UUID(key)))


def read_operations(workspace_id: UUID, _key: str) -> Snapshot:
    """The newest operations by id."""
    newest = list_operations(workspace_id).order_by("-id")[:_MAX_OPERATIONS]
    return rows((str(each.id), _describe(each)) for each in newest)


def _describe(row: Any) -> Snapshot:
    found = represent(Operation, row, WATCHER, fields=_FIELDS)
    return {**found, "share": found["percent"] / 100}


register(Topic("operations", read=read_operations, resource="operations", every_seconds=2))
register(Topic("operation:<id>", read=read_operation, resource="operations", read_key=read_uuid))
