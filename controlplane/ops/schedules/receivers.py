"""Signals of beat's models."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from controlplane.ops.schedules import refreshing


@receiver(pre_delete, sender="django_celery_beat.PeriodicTask")
def lock_schedule_first(instance: Any, **_: Any) -> None:
    """A PeriodicTask is deleted, here or in beat's own pages."""
    refreshing.wait_for_firing(periodic_task_id=instance.pk)
