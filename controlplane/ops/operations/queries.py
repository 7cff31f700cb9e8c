"""Reads of bulk operations, their items, and the objects that a selection names."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, QuerySet
from django.db.models.functions import Cast

from controlplane.core.errors import Conflict, Invalid, NotFound
from controlplane.ops.operations.models import Operation, OperationItem
from controlplane.ops.operations.states import ENDED, OPEN, ItemOutcome
from controlplane.workspaces.bulk import BulkVerb, Rows, find_verb
from controlplane.workspaces.bulk.selection import Selection


def list_operations(workspace_id: UUID, states: Collection[str] = ()) -> QuerySet[Operation]:
    """Operations of a workspace, newest first."""
    operations = Operation.objects.filter(workspace_id=workspace_id)
    return operations.filter(state__in=list(states)) if states else operations


def count_open(workspace_id: UUID) -> int:
    """How many operations have not ended."""
    return list_operations(workspace_id, OPEN).count()


def get_operation(workspace_id: UUID, operation_id: UUID) -> Operation:
    """One operation of a workspace. Raises NotFound."""
    operation = list_operations(workspace_id).filter(id=operation_id).first()
    if operation is None:
        raise NotFound(f"There is no bulk operation {operation_id}.")
    return operation


def list_items(
    workspace_id: UUID, operation_id: UUID, outcomes: Collection[str] = ()
) -> QuerySet[OperationItem]:
    """The items of an operation in the order of their listing. Raises NotFound."""
    operation = get_operation(workspace_id, operation_id)
    items = OperationItem.objects.filter(operation=operation).order_by("id")
    if outcomes:
        items = items.filter(outcome__in=list(outcomes))
    return items


def find_items(verb: BulkVerb, workspace_id: UUID, origin: UUID, is_rest: bool) -> Rows:
    """What an operation changed, or left without an outcome. Raises Invalid when it was for other
    objects, or cannot be undone by this verb; Conflict while it may still change more."""
    target = verb.target
    operation = list_operations(workspace_id).filter(id=origin).first()
    if operation is None or operation.target != target.name:
        raise _wrong_origin(f"There is no operation on {target.plural_noun} with this id.")
    if operation.state not in ENDED:
        raise Conflict("That operation has not ended: wait for its end, or cancel it first.")
    done = find_verb(operation.target, operation.action)
    if verb.needs_origin and (
        done is None or verb.name != (done.name if is_rest else done.undone_by)
    ):
        raise _wrong_origin(f"{verb.name} does not undo {operation.action}.")
    rows = target.list_all(workspace_id)
    key = rows.model._meta.get_field(target.key)
    outcome = "" if is_rest else ItemOutcome.CHANGED
    items = OperationItem.objects.filter(operation=operation, outcome=outcome)
    keys = items.values(found_key=Cast("target_id", key.clone()))
    # As an array, which is made once and looked up in the index of the keys. For a join the planner
    # would need statistics of items that have just been written: without them it reads all items
    # again for each row.
    is_any = Func(
        F(target.key),
        ArraySubquery(keys),
        arg_joiner=" = ANY(",
        template="%(expressions)s)",
        output_field=BooleanField(),
    )
    return rows.filter(is_any)


def _wrong_origin(message: str) -> Invalid:
    return Invalid(errors=[{"field": "operation", "message": message}])


def list_keys(rows: Rows, key: str, *, after: str, until: str, limit: int) -> list[Any]:
    """The next keys behind `after`, in their order, none behind `until`."""
    rest = rows.filter(**{f"{key}__lte": until})
    if after:
        rest = rest.filter(**{f"{key}__gt": after})
    return list(rest.values_list(key, flat=True)[:limit])


def list_open_items(operation: Operation, limit: int) -> list[OperationItem]:
    """The next items that have no outcome yet."""
    items = OperationItem.objects.filter(operation=operation, outcome="")
    return list(items.order_by("id")[:limit])


def find_undone(selection: Selection) -> Operation | None:
    """The operation whose objects are selected, to undo it. The rest of an undo undoes the same."""
    if selection.origin is None:
        return None
    origin = Operation.objects.filter(id=selection.origin).first()
    if origin is None or not selection.is_rest:
        return origin
    return find_undone(Selection.from_json(origin.selection))


def find_before(operation: Operation, keys: Sequence[str]) -> Mapping[str, str]:
    """What an operation noted of these objects when it changed them."""
    items = OperationItem.objects.filter(operation=operation, target_id__in=list(keys))
    return dict(items.values_list("target_id", "before"))


def order_by_age(operations: QuerySet[Operation]) -> QuerySet[Operation]:
    """Ended ones, the oldest first."""
    return operations.filter(finished_at__isnull=False).order_by(F("finished_at").asc())
