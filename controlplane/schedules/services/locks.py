"""Locking schedules. The row is the lock: whoever fires, changes or removes one holds it."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from controlplane.core.errors import NotFound
from controlplane.schedules.models import Schedule
from controlplane.schedules.selectors.beat import BEAT


def lock_schedule(workspace_id: UUID, schedule_id: UUID) -> Schedule:
    """A schedule of a workspace, locked until the transaction ends. Raises NotFound."""
    found = Schedule.objects.filter(workspace_id=workspace_id, id=schedule_id)
    if not found.select_for_update().values_list("id").first():
        raise NotFound(f"There is no schedule {schedule_id}.")
    return _read(schedule_id)


def lock_due(at: datetime, *, leaving_out: Collection[UUID] = ()) -> Schedule | None:
    """The schedule that has been due longest and that nobody else holds, locked."""
    due = Schedule.objects.filter(next_at__lte=at).exclude(id__in=leaving_out).order_by("next_at")
    return _lock_first(due.values_list("id", flat=True))


def lock_free(schedule_id: UUID) -> Schedule | None:
    """This schedule, locked, unless somebody holds it or it is gone."""
    return _lock_first(Schedule.objects.filter(id=schedule_id).values_list("id", flat=True))


def _lock_first(found) -> Schedule | None:  # type: ignore[no-untyped-def]
    schedule_id = found.select_for_update(skip_locked=True).first()
    return _read(schedule_id) if schedule_id else None


def _read(schedule_id: UUID) -> Schedule:
    # In a later statement than the lock: it sees what the holder before wrote beside the row.
    return Schedule.objects.select_related(*BEAT).get(id=schedule_id)
