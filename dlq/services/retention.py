"""Letters are kept by a rule of their own, longer than the tasks that they tell of."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from controlplane.core.clock import now
from dlq.models import DeadLetter, Replay
from dlq.states import ReplayState


def prune_letters(limit: int) -> int:
    """Remove at most `limit` letters, open or not, whose death is older than DLQ_RETENTION_DAYS,
    and as many ended replays; how many letters and replays were removed."""
    before = now() - timedelta(days=settings.TASKPLANE["DLQ_RETENTION_DAYS"])
    with transaction.atomic():
        letters = DeadLetter.objects.filter(died_at__lt=before).order_by("died_at")
        doomed = letters.select_for_update(skip_locked=True).values_list("id", flat=True)[:limit]
        removed, _ = DeadLetter.objects.filter(id__in=list(doomed)).delete()
    # A replay carries its tasks along, up to fifty thousand of them: one in each pass.
    with transaction.atomic():
        ended = Replay.objects.exclude(state=ReplayState.RUNNING).filter(finished_at__lt=before)
        old = ended.order_by("id").select_for_update(skip_locked=True).first()
        if old is not None:
            old.delete()
            removed += 1
    return removed
