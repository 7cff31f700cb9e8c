"""Reads of firings."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from controlplane.core.sql import load_sql
from controlplane.schedules.models import Firing
from controlplane.schedules.selectors.schedules import get_schedule

RATED_FIRINGS = 100  # of a schedule, the newest that have ended: what its success rate is of


def list_firings(
    workspace_id: UUID,
    schedule_id: UUID,
    *,
    states: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> QuerySet[Firing]:
    """The firings of a schedule. Raises NotFound when the workspace has no such schedule."""
    get_schedule(workspace_id, schedule_id)
    found = Firing.objects.filter(schedule_id=schedule_id)
    if states:
        found = found.filter(state__in=states)
    if kinds:
        found = found.filter(kind__in=kinds)
    return found


def get_success_rates(schedule_ids: Sequence[UUID]) -> dict[UUID, float]:
    """What share, 0 to 1, of each schedule's newest hundred ended firings completed; of those that
    completed or failed. A schedule without any is left out."""
    if not schedule_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("controlplane.schedules", "rate_schedules"),
            {"ids": list(schedule_ids), "newest": RATED_FIRINGS},
        )
        return {schedule: round(rate, 4) for schedule, rate in cursor.fetchall()}
