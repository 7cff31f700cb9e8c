"""Undo of what people change about queues and the priority of tasks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Conflict
from controlplane.core.formatting import format_count
from controlplane.core.undo import ActAs, Undone, register_undo
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import Role
from tasks_app import services
from tasks_app.models import Queue, Task

_LIMITS = ("max_running", "rate_per_second")


def queue_values(queue: Queue) -> dict[str, Any]:
    """What people change about a queue."""
    return {
        "paused": queue.paused_at is not None,
        "reason": queue.pause_reason,
        **{name: getattr(queue, name) for name in _LIMITS},
    }


def _write_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def queue_change(before: Mapping[str, Any], after: Queue) -> dict[str, Any]:
    """What `undo_queues` needs of one queue."""
    return {
        "workspace": str(after.workspace_id),
        "name": after.name,
        "before": dict(before),
        "after": queue_values(after),
        "paused_at": _write_time(after.paused_at),
    }


def change_queue(
    workspace_id: UUID, name: str, actor: Actor, changes: dict[str, Any]
) -> dict[str, Any]:
    """Change a queue as the service does. Returns what `undo_queues` needs of it. Raises
    NotFound."""
    with transaction.atomic():
        queues = Queue.objects.select_for_update()
        queue = queues.filter(workspace_id=workspace_id, name=name).first()
        before = {} if queue is None else queue_values(queue)
        after = services.change_queue(
            workspace_id=workspace_id, name=name, actor=actor, changes=changes
        )
    return queue_change(before, after)


def _is_same(queue: Queue, change: Mapping[str, Any]) -> bool:
    """Whether nobody has changed it since, also to what it is: the time of a pause shows it.
    Changes of the release before have none."""
    paused_at = _write_time(queue.paused_at)
    is_same_pause: bool = change.get("paused_at", paused_at) == paused_at
    return is_same_pause and queue_values(queue) == dict(change["after"])


@register_undo("queues", scope="queues:write")
@transaction.atomic
def undo_queues(act_as: ActAs, values: dict[str, Any]) -> Undone:
    """Pauses, resumptions and limits: all of the queues, or none."""
    for change in values["queues"]:
        workspace_id, name = UUID(change["workspace"]), change["name"]
        before, after = change["before"], change["after"]
        sets_limits = any(before[each] != after[each] for each in _LIMITS)
        needed = Role.ADMIN if sets_limits else Role.OPERATOR
        actor = act_as(workspace_id, needed)
        queues = Queue.objects.select_for_update()
        queue = queues.filter(workspace_id=workspace_id, name=name).first()
        if queue is None or not _is_same(queue, change):
            raise Conflict(f"The queue {isolated_text(name)} has been changed since.")
        changed = {each: before[each] for each in before if before[each] != after[each]}
        if before["paused"] and changed.keys() & {"paused", "reason"}:
            changed |= {"paused": True, "reason": before["reason"]}
        services.change_queue(workspace_id=workspace_id, name=name, actor=actor, changes=changed)
    return Undone(f"Undone for {format_count(len(values['queues']), 'queue')}.")


def read_priorities(workspace_id: UUID, ids: Iterable[UUID]) -> dict[UUID, int]:
    """The priorities of tasks before a change."""
    tasks = Task.objects.filter(workspace_id=workspace_id, id__in=list(ids))
    return dict(tasks.values_list("id", "priority"))


def priority_change(
    workspace_id: UUID, before: Mapping[UUID, int], done: Iterable[UUID], priority: int
) -> dict[str, Any]:
    """What `undo_priorities` needs of the tasks of one workspace."""
    by_priority: dict[str, list[str]] = defaultdict(list)
    for task_id in done:
        by_priority[str(before[task_id])].append(str(task_id))
    return {"workspace": str(workspace_id), "before": by_priority, "after": priority}


@register_undo("priorities", scope="tasks:write")
@transaction.atomic
def undo_priorities(act_as: ActAs, values: dict[str, Any]) -> Undone:
    """The tasks that still wait, and still have the priority that they were given."""
    restored = total = 0
    for change in values["changes"]:
        workspace_id = UUID(change["workspace"])
        actor = act_as(workspace_id)
        for priority, ids in change["before"].items():
            total += len(ids)
            same = Task.objects.filter(
                workspace_id=workspace_id, id__in=ids, priority=change["after"]
            )
            restored += len(
                services.reprioritize_tasks(
                    workspace_id=workspace_id,
                    ids=list(same.values_list("id", flat=True)),
                    priority=int(priority),
                    actor=actor,
                )
            )
    if not restored:
        raise Conflict("No task waits with that priority any more.")
    is_whole = restored == total
    of = "" if is_whole else f"{restored:,} of "
    text = f"Undone: {of}{format_count(total, 'task')} with the earlier priority."
    return Undone(text, is_whole=is_whole)
