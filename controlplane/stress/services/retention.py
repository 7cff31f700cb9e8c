"""Reports are kept longer than the tasks that they tell of."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from controlplane.core.clock import now
from controlplane.stress.models import StressTest


def prune_tests(limit: int) -> int:
    """Remove one ended test that is older than STRESS_RETENTION_DAYS, if `limit` is not 0; how many
    were removed. A test carries its chunks along: one in each pass."""
    before = now() - timedelta(days=settings.TASKPLANE_STRESS["RETENTION_DAYS"])
    with transaction.atomic():
        old = StressTest.objects.filter(finished_at__lt=before).order_by("id")
        doomed = old.select_for_update(skip_locked=True).first() if limit else None
        if doomed is None:
            return 0
        doomed.delete()
    return 1
