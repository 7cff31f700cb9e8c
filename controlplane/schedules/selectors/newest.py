"""The newest firing of each of some schedules."""

from collections.abc import Sequence
from uuid import UUID

from controlplane.core.sql import load_sql
from controlplane.schedules.models import Firing


def get_newest_firings(schedule_ids: Sequence[UUID]) -> dict[UUID, Firing]:
    """By schedule; one index probe each. A schedule that never fired is left out."""
    if not schedule_ids:
        return {}
    sql = load_sql("controlplane.schedules", "find_newest_firings")
    return {
        firing.schedule_id: firing
        for firing in Firing.objects.raw(sql, {"ids": list(schedule_ids)})
    }
