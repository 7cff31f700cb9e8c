"""Start, pause, resume, cancel and remove bulk operations; `driver` does their work."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.core.requests import current_reason
from controlplane.ops.operations import transitions
from controlplane.ops.operations.models import Operation
from controlplane.ops.operations.queries import get_operation, order_by_age
from controlplane.ops.operations.states import OPEN, OperationState
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.bulk.preview import (
    check_reason,
    find_bulk_verb,
    read_options,
    read_token,
    require_verb,
)
from controlplane.workspaces.services import record_audit
from tasks_app.batches import set_paused

# Items of an old operation that are removed at once, as a multiple of the limit of other rows.
_PRUNED_ITEMS = 10


def start_operation(
    *,
    workspace_id: UUID,
    token: str,
    actor: Actor,
    reason: str = "",
    rate_per_second: float | None = None,
    accept_drift: bool = False,
) -> Operation:
    """Accept the operation of a preview, which the dispatcher then carries out.

    Raises:
        Invalid: the token is not valid for this actor and workspace, or a reason is needed.
        Conflict: the set has changed since the preview, is empty, or the token was used before.
        Forbidden: the actor may not do it.
    """
    plan = read_token(token, workspace_id=workspace_id, actor=actor, accept_drift=accept_drift)
    # The preview of a call that acts at once may have others.
    read_options(plan.verb, plan.options)
    text = check_reason(plan, reason or current_reason())
    operation = Operation(
        id=plan.operation_id,
        workspace_id=workspace_id,
        target=plan.verb.target.name,
        action=plan.verb.name,
        selection=plan.selection.to_json(),
        options=dict(plan.options),
        reason=text,
        rate_per_second=rate_per_second,
        matched=plan.members.count,
        is_estimate=plan.members.is_estimate,
        until_key=plan.members.last,
        created_by=actor.label[:200],
    )
    try:
        with transaction.atomic():
            operation.save(force_insert=True)
            audit(
                operation, actor, "start",
                selection=operation.selection, options=operation.options, reason=text,
                matched=operation.matched, ratePerSecond=rate_per_second,
            )  # fmt: skip
    except IntegrityError as error:
        if "pkey" not in str(error):
            raise
        raise Conflict(
            f"This preview was started before, as the operation {plan.operation_id}."
        ) from error
    return operation


@transaction.atomic
def cancel_operation(*, workspace_id: UUID, operation_id: UUID, actor: Actor) -> Operation:
    """Change nothing more; what was changed stays. Raises NotFound, Conflict."""
    operation = _lock(workspace_id, operation_id)
    transitions.end(operation_id, state=OperationState.CANCELLED, at=now())
    audit(operation, actor, "cancel", **count_outcomes(operation))
    return get_operation(workspace_id, operation_id)


@transaction.atomic
def pause_operation(*, workspace_id: UUID, operation_id: UUID, actor: Actor) -> Operation:
    """Change nothing until it is resumed. Raises NotFound, Conflict."""
    return _set_paused(workspace_id, operation_id, actor, now())


@transaction.atomic
def resume_operation(
    *, workspace_id: UUID, operation_id: UUID, actor: Actor, paused_at: datetime | None = None
) -> Operation:
    """Continue a paused operation; with `paused_at`, only from the pause that began then. Raises
    NotFound, Conflict; Forbidden if the actor may not do what it does."""
    operation = get_operation(workspace_id, operation_id)
    require_verb(find_bulk_verb(operation.target, operation.action), actor)
    return _set_paused(workspace_id, operation_id, actor, None, began=paused_at)


def prune_operations(limit: int) -> int:
    """Remove what is left of the oldest operation that ended more than OPERATION_RETENTION_DAYS
    ago: a bounded number of items, and with the last ones the operation. Returns how many rows."""
    before = now() - timedelta(days=settings.TASKPLANE["OPERATION_RETENTION_DAYS"])
    with transaction.atomic():
        old = order_by_age(Operation.objects.all()).filter(finished_at__lt=before)
        operation = old.select_for_update(skip_locked=True).first() if limit else None
        if operation is None:
            return 0
        items = operation.items.order_by("id").values("id")[: limit * _PRUNED_ITEMS]
        removed, _ = operation.items.filter(id__in=items).delete()
        if removed < limit * _PRUNED_ITEMS:
            operation.delete()
            removed += 1
    return int(removed)


def audit(operation: Operation, actor: Actor, what: str, **detail: Any) -> None:
    """One event in the log; call it in the transaction of the change."""
    record_audit(
        workspace=operation.workspace_id,
        actor=actor,
        action=f"operation.{what}",
        target_type="operation",
        target_id=str(operation.id),
        detail={"target": operation.target, "action": operation.action, **detail},
    )


def count_outcomes(operation: Operation) -> dict[str, int]:
    """The counts, for the audit log."""
    names = ("total", "changed", "unchanged", "refused", "failed")
    return {name: getattr(operation, name) for name in names}


def _set_paused(
    workspace_id: UUID,
    operation_id: UUID,
    actor: Actor,
    at: datetime | None,
    *,
    began: datetime | None = None,
) -> Operation:
    operation = _lock(workspace_id, operation_id)
    set_paused(operation, at, began=began)
    audit(operation, actor, "pause" if at else "resume", done=operation.submitted)
    return operation


def _lock(workspace_id: UUID, operation_id: UUID) -> Operation:
    """The open operation, whose driver holds the same lock during a chunk. Raises NotFound,
    Conflict when it has ended."""
    get_operation(workspace_id, operation_id)
    operation = Operation.objects.select_for_update().get(id=operation_id)
    if operation.state not in OPEN:
        raise Conflict(f"The bulk operation has already ended: it is {operation.state}.")
    return operation
