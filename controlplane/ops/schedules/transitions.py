"""The only writer of a firing's state. Each function is one guarded write in the caller's
transaction; its result shows who won."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.ops.schedules.models import Firing
from controlplane.ops.schedules.states import FiringState


def insert_firings(firings: Sequence[Firing]) -> set[UUID]:
    """Insert new firings; the ids of those whose nominal time had none yet."""
    Firing.objects.bulk_create(firings, ignore_conflicts=True, batch_size=500)
    if len(firings) == 0:
        return set()
    ids = [firing.id for firing in firings]
    return set(Firing.objects.filter(id__in=ids).values_list("id", flat=True))


def start_queued(
    firing_id: UUID, *, task_id: UUID | None = None, run_id: UUID | None = None, detail: str
) -> bool:
    """QUEUED → STARTED: its task or run exists."""
    return _move(
        firing_id, FiringState.QUEUED, FiringState.STARTED,
        task_id=task_id, run_id=run_id, detail=detail,
    )  # fmt: skip


def fail_queued(firing_id: UUID, *, error: dict[str, Any], at: datetime) -> bool:
    """QUEUED → FAILED: it could not be submitted."""
    return _move(
        firing_id, FiringState.QUEUED, FiringState.FAILED,
        error=error, finished_at=at, detail="It could not be submitted.",
    )  # fmt: skip


def end_started(firing_id: UUID, state: FiringState, **columns: Any) -> bool:
    """STARTED → COMPLETED, FAILED or CANCELLED, with the result."""
    return _move(firing_id, FiringState.STARTED, state, **columns)


def _move(firing_id: UUID, before: FiringState, after: FiringState, **columns: Any) -> bool:
    moved = Firing.objects.filter(id=firing_id, state=before.value)
    return bool(moved.update(state=after.value, **columns))
