"""Bulk operations and their items as files."""

from controlplane.ops.operations import queries
from controlplane.ops.operations.schema import Item, ItemFilter, Operation, OperationFilter
from controlplane.workspaces.exporting import ExportedList, Selected, register
from controlplane.workspaces.exporting.lists import Rows


def _list_items(selected: Selected) -> Rows:
    if selected.owner is None:
        raise TypeError("Items are those of an operation.")
    return queries.list_items(selected.workspace_id, selected.owner, selected.wanted.outcomes)


OPERATIONS = ExportedList(
    name="operations",
    noun="bulk operation",
    path="operations/export",
    tag="operations",
    resource="operations",
    schema=Operation,
    filter=OperationFilter,
    rows=lambda selected: queries.list_operations(selected.workspace_id, selected.wanted.states),
)
ITEMS = ExportedList(
    name="operation-items",
    noun="item",
    owner="operation",
    path="operations/<uuid:id>/items/export",
    tag="operations",
    resource="operations",
    schema=Item,
    filter=ItemFilter,
    rows=_list_items,
    key="id",
)

register(OPERATIONS, ITEMS)
