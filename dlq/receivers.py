"""What becomes of letters when tasks die and are repeated, in the same transaction."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from dlq.services.recording import record_deaths, record_repeats
from tasks_app.signals import task_cancelled_by_parent, task_dead_lettered, task_reprocessed


@receiver(task_dead_lettered)
@receiver(task_cancelled_by_parent)
def on_death(task_ids: list[UUID], using: str, **_: Any) -> None:
    record_deaths(task_ids, using=using)


@receiver(task_reprocessed)
def on_repeat(pairs: list[tuple[UUID, UUID]], using: str, by: str = "", **_: Any) -> None:
    record_repeats(pairs, by=by, using=using)
