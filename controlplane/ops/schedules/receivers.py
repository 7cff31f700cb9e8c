"""Reactions to changes of beat's rows."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver


@receiver(pre_delete, sender="django_celery_beat.PeriodicTask")
def on_deletion(instance: Any, **_: Any) -> None:
    # Imported here: every command connects this receiver, and hardly any deletes.
    from controlplane.ops.schedules.refreshing import wait_for_firing

    wait_for_firing(instance.pk)
