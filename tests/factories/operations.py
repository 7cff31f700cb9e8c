"""Bulk operations, which only their service starts."""

from typing import Any

from controlplane.ops.operations.control import start_operation
from controlplane.ops.operations.models import Operation, OperationItem
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.bulk.preview import find_bulk_verb, make_preview
from controlplane.workspaces.bulk.selection import Selection
from controlplane.workspaces.models import Workspace
from tests.clients import default_workspace
from tests.factories.tasks import make_task


def make_operation(
    workspace: Workspace | None = None, *, reason: str = "a test", **task: Any
) -> Operation:
    """An operation that is to delete one completed task, and that no dispatcher has begun."""
    workspace = workspace or default_workspace()
    row = make_task("COMPLETED", workspace=workspace, **task)
    preview = make_preview(
        workspace_id=workspace.id,
        verb=find_bulk_verb("tasks", "delete"),
        selection=Selection(ids=(str(row.id),)),
        options={},
        actor=SYSTEM,
    )
    return start_operation(
        workspace_id=workspace.id, token=preview.token, actor=SYSTEM, reason=reason
    )


def make_items(operation: Operation, outcomes: dict[str, str]) -> list[OperationItem]:
    """Items that have not been done by a driver, with these outcomes by key."""
    rows = [
        OperationItem(
            operation=operation,
            workspace_id=operation.workspace_id,
            ordinal=number,
            target_id=key,
            outcome=outcome,
            at=operation.created_at if outcome else None,
        )
        for number, (key, outcome) in enumerate(outcomes.items(), 1)
    ]
    return OperationItem.objects.bulk_create(rows)
