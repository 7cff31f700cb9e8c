"""Bulk operations for people at a terminal."""

from collections.abc import Mapping
from typing import Any

from controlplane.core.console.tables import Console, columns_of, list_view, table_of
from controlplane.core.formatting import format_state
from controlplane.ops.operations.models import Operation as OperationRow
from controlplane.ops.operations.states import OperationState

_OUTCOMES = ("changed", "unchanged", "refused", "failed")


def show_preview(console: Console, preview: Mapping[str, Any]) -> None:
    """What would happen, the first objects, and how to start it."""
    console.write(f"{preview['title']}: {preview['selection']}")
    console.write(preview["consequence"])
    if preview["missing"]:
        console.write(f"{preview['missing']:,} of the given ids name nothing.")
    if preview["first"]:
        console.print(table_of(columns_of("id", "name", "status"), preview["first"]))
    undo = preview["undoneBy"]
    console.write(f"It is undone by {undo}." if undo else "It cannot be undone.")
    console.write("The token for `operations start`, valid for ten minutes:")
    console.write(preview["token"])


def show_operation(console: Console, operation: Mapping[str, Any]) -> None:
    """What it is for, its progress, and its counts."""
    console.write(
        f"operation {operation['id']}: {operation['title']}, {describe_status(operation)}"
    )
    console.write(f"{operation['selectionInWords']}; started by {operation['createdBy']}")
    if operation["reason"]:
        console.write(f"reason: {operation['reason']}")
    console.write(describe_counts(operation))
    if operation["stopReason"]:
        console.write(operation["stopReason"])


def describe_status(operation: Mapping[str, Any]) -> str:
    """The state in a word, which for people includes the pause."""
    return "paused" if operation["pausedAt"] else format_state(operation["status"])


def describe_counts(operation: Mapping[str, Any]) -> str:
    """Such as `200 of 450 done: 198 changed, 2 refused`, or `200 of about 450 listed`."""
    if _is_listing(operation):
        about = "about " if operation["isEstimate"] else ""
        return f"{operation['total']:,} of {about}{operation['matched']:,} listed, 0 done"
    counts = operation["outcomes"]
    parts = [f"{counts[name]:,} {name}" for name in _OUTCOMES if counts[name]]
    done = f"{operation['done']:,} of {operation['total']:,} done"
    return f"{done}: {', '.join(parts)}" if parts else done


def describe_step(operation: OperationRow) -> str:
    """What stands beside the bar of progress."""
    if operation.state == OperationState.LISTING:
        return f"{operation.total:,} of {operation.matched:,} listed"
    return f"{operation.refused} refused, {operation.failed} failed"


def _is_listing(operation: Mapping[str, Any]) -> bool:
    return bool(operation["status"] == OperationState.LISTING)


def _describe_done(operation: Mapping[str, Any]) -> str:
    if _is_listing(operation):
        return f"0 ({operation['total']:,} listed)"
    return f"{operation['done']:,}/{operation['total']:,}"


show_operations = list_view(
    {
        **columns_of("id", "title"),
        "status": describe_status,
        "done": _describe_done,
        **columns_of("createdBy", "createdAt"),
    },
    empty="There is no bulk operation yet.",
)
show_items = list_view(
    columns_of("ordinal", "targetId", "outcome", "detail"), empty="No item matches."
)
