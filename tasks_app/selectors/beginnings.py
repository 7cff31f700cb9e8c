"""Since when a workspace has figures: a rate is of the time that there was."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Min

from controlplane.core.clock import now
from tasks_app.models import Rollup, Task

_MIN_SECONDS = 1.0
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_BY_MINUTES = timedelta(days=1)  # minutes are kept for a week


def measured_seconds(workspace_id: UUID, window_seconds: float) -> float:
    """How much of the last `window_seconds` lies behind the first task of the workspace."""
    begin = now() - timedelta(seconds=window_seconds)
    return max(_MIN_SECONDS, (now() - measured_since(workspace_id, begin)).total_seconds())


def measured_since(workspace_id: UUID, begin: datetime) -> datetime:
    """`begin`, or when the first task of the workspace was made if that is later. Two look-ups by
    an index, whatever the history."""
    unit = _MINUTE if now() - begin <= _BY_MINUTES else _HOUR
    rollups = Rollup.objects.filter(workspace_id=workspace_id, seconds=int(unit.total_seconds()))
    earliest = rollups.aggregate(at=Min("at"))["at"]
    if earliest is not None and earliest <= begin:
        return begin
    first = Task.objects.filter(workspace_id=workspace_id).order_by("id").only("created_at").first()
    if first is not None and (earliest is None or first.created_at < earliest + unit):
        return max(begin, first.created_at)
    return earliest or begin  # the first task may have been removed
