"""Announce ended tasks to other apps, and release or cancel their dependents, inside the open
transaction of `using`."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from tasks_app import transitions
from tasks_app.models import Task
from tasks_app.rows import Cursor, Finished
from tasks_app.signals import task_cancelled_by_parent, task_dead_lettered, task_reprocessed
from tasks_app.states import TaskState


def announce_dead_lettered(ended: Iterable[Finished], *, using: str) -> None:
    """Send `task_dead_lettered` for those that FAILED."""
    dead = [row.id for row in ended if row.state == TaskState.FAILED]
    if dead:
        task_dead_lettered.send(sender=Task, task_ids=dead, using=using)


def announce_reprocessed(pairs: Sequence[tuple[UUID, UUID]], *, using: str, by: str = "") -> None:
    """Send `task_reprocessed` with pairs of an ended task and the task that repeats it."""
    if pairs:
        task_reprocessed.send(sender=Task, pairs=list(pairs), using=using, by=by)


def settle_ended(cursor: Cursor, ended: Iterable[Finished], *, using: str) -> list[str]:
    """Release or cancel the dependents of these tasks. Returns the queues that got work. Runs in a
    statement after the one that ended them: see `transitions.settle_dependents`.
    """
    settled = transitions.settle_dependents(cursor, ended)
    announce_cancelled_by_parent(settled.cancelled, using=using)
    return settled.queues


def announce_cancelled_by_parent(task_ids: Sequence[UUID], *, using: str) -> None:
    if task_ids:
        task_cancelled_by_parent.send(sender=Task, task_ids=list(task_ids), using=using)
