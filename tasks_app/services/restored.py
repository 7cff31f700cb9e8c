"""After the database was restored from a backup: hold the work until a person has looked.

The backup does not know what ran after it. Each task that was unfinished then may have run since,
so its queue is paused and the task's log says so, before a worker takes it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from controlplane.core.sql import load_sql
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from tasks_app.models import Queue
from tasks_app.services.queues import change_queue, lock_queues

_PART = 20_000  # rows of one transaction
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class HeldQueue:
    """A queue, its unfinished tasks, and whether it was paused in the backup already."""

    workspace_id: UUID
    name: str
    unfinished: int
    was_paused: bool


def find_backup_time() -> datetime | None:
    """The newest moment that the database knows of: the backup was made then, or a little later;
    None in a database without tasks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest("
            " (SELECT created_at FROM tasks_app_task ORDER BY id DESC LIMIT 1),"
            " (SELECT max(last_pass_at) FROM tasks_app_leader))"
        )
        found: datetime | None = cursor.fetchone()[0]
        return found


def hold_after_restore(*, reason: str, message: str, actor: Actor) -> list[HeldQueue]:
    """Pause every queue for `reason`, and write `message` into the log of each unfinished task. To
    be called before a dispatcher or a worker starts. Safe to call again: only the log lines repeat.
    """
    queues = list(Queue.objects.order_by("workspace_id", "name"))
    paused = {(each.workspace_id, each.name) for each in queues if each.paused_at is not None}
    # First, so that nothing starts while the log lines are written.
    names: dict[UUID, list[str]] = {}
    for each in queues:
        names.setdefault(each.workspace_id, []).append(each.name)
    for workspace_id, owned in names.items():
        with transaction.atomic():
            for name, queue in lock_queues(workspace_id=workspace_id, names=owned).items():
                if queue.paused_at is None:
                    changes = {"paused": True, "reason": reason}
                    change_queue(workspace_id=workspace_id, name=name, actor=actor, changes=changes)
    unfinished: Counter[tuple[UUID, str]] = Counter()
    for part in _note_in_parts(message):
        unfinished.update(part)
    for workspace_id, owned in names.items():
        count = sum(unfinished[workspace_id, name] for name in owned)
        record_audit(
            workspace=workspace_id,
            actor=actor,
            action="tasks.restored",
            target_type="workspace",
            target_id=workspace_id,
            detail={"reason": reason, "unfinished": count, "queues": len(owned)},
        )
    keys = [(each.workspace_id, each.name) for each in queues]
    return [HeldQueue(*key, unfinished[key], key in paused) for key in keys]


def _note_in_parts(message: str) -> Iterator[dict[tuple[UUID, str], int]]:
    """The unfinished tasks of each part of the table, by workspace and queue."""
    after: UUID | None = _FIRST
    while after is not None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                load_sql("tasks_app", "note_restored"),
                {"after": after, "limit": _PART, "message": message},
            )
            rows = cursor.fetchall()
        yield {(workspace_id, name): count for workspace_id, name, count, _ in rows if count}
        after = rows[0][3] if rows else None
