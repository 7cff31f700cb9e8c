"""Writes letters when tasks die, and closes them when the work is done again, in the same
transaction. Most commands see neither: what writes them is imported then."""

from typing import Any
from uuid import UUID

from celery.signals import import_modules
from django.dispatch import receiver

from tasks_app.signals import task_cancelled_by_parent, task_dead_lettered, task_reprocessed


@receiver(task_dead_lettered)
@receiver(task_cancelled_by_parent)
def on_death(task_ids: list[UUID], using: str, **_: Any) -> None:
    from dlq.recording import record_deaths

    record_deaths(task_ids, using=using)


@receiver(task_reprocessed)
def on_reprocessing(pairs: list[tuple[UUID, UUID]], using: str, by: str = "", **_: Any) -> None:
    from dlq.recording import record_reprocessing

    record_reprocessing(pairs, by=by, using=using)


@import_modules.connect
def share_between_processes(**_: Any) -> None:
    """A worker imports it before it forks."""
    import dlq.recording  # noqa: F401
