"""Whether schedules fire in time."""

from datetime import timedelta

from controlplane.core.clock import now
from controlplane.schedules.models import Schedule


def get_lag() -> timedelta:
    """For how long the oldest nominal time has been due without a decision; 0 when none is due."""
    at = now()
    due = Schedule.objects.filter(next_at__lte=at).order_by("next_at")
    oldest = due.values_list("next_at", flat=True).first()
    return timedelta() if oldest is None else at - oldest
