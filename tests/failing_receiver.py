"""A receiver of `task_dead_lettered` that fails for tasks of one name, for a test's worker."""

from typing import Any
from uuid import UUID

from django.apps import apps
from django.dispatch import receiver

from tasks_app.signals import task_dead_lettered


@receiver(task_dead_lettered)
def refuse(task_ids: list[UUID], using: str, **_: Any) -> None:
    tasks = apps.get_model("tasks_app", "Task").objects.using(using)
    if tasks.filter(id__in=task_ids, name="refuses to be mourned").exists():
        raise RuntimeError("no mourners today")
