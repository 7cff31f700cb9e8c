"""The only writers of an operation's `state`: guarded updates whose row count shows who won."""

from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.ops.operations.models import Operation
from controlplane.ops.operations.states import OPERATION_TRANSITIONS, OperationState


def begin(operation_id: UUID, *, at: datetime) -> bool:
    """LISTING → RUNNING: all items are listed."""
    return _move(operation_id, OperationState.RUNNING, begun_at=at)


def end(operation_id: UUID, *, state: OperationState, at: datetime, reason: str = "") -> bool:
    """→ a final state. Returns whether this call ended it."""
    return _move(operation_id, state, stop_reason=reason, finished_at=at)


def _move(operation_id: UUID, to: OperationState, **columns: Any) -> bool:
    sources = [state for state, targets in OPERATION_TRANSITIONS.items() if to in targets]
    operations = Operation.objects.filter(id=operation_id, state__in=sources)
    return bool(operations.update(state=to, **columns))
