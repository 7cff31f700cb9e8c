"""Telling upward that tasks have died."""

from collections.abc import Iterable

from tasks_app.models import Task
from tasks_app.rows import Finished
from tasks_app.signals import task_died
from tasks_app.states import TaskState


def announce_deaths(ended: Iterable[Finished], *, using: str) -> None:
    """Send `task_died` for those that FAILED, inside the open transaction of `using`."""
    dead = [row.id for row in ended if row.state == TaskState.FAILED]
    if dead:
        task_died.send(sender=Task, task_ids=dead, using=using)
