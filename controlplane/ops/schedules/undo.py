"""Undo of what people change about schedules."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.dateparse import parse_datetime

from controlplane.core.errors import Conflict
from controlplane.core.formatting import format_count
from controlplane.core.undo import ActAs, Undone, register_undo
from controlplane.core.visibletext import isolated_text
from controlplane.ops.schedules import editing
from controlplane.ops.schedules.beat_writing import announce_change
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.refreshing import lock_schedule
from controlplane.workspaces.actors import Actor

_WORK = {"task_type", "workflow_id"}
_TIMES = ("start_at", "end_at")


def keep_values(schedule: Schedule, names: Collection[str]) -> dict[str, Any]:
    """The values of these names now, as JSON."""
    values = editing.read_values(schedule)
    return {name: _to_json(values[name]) for name in names if name in values}


def schedule_change(
    before: Mapping[str, Any], after: Schedule, names: Collection[str]
) -> dict[str, Any]:
    """What `undo_schedules` needs of one schedule."""
    return {
        "workspace": str(after.workspace_id),
        "id": str(after.id),
        "before": dict(before),
        "after": keep_values(after, names),
        "changed_at": after.updated_at.isoformat(),
    }


@transaction.atomic
def change_schedule(schedule: Schedule, actor: Actor, changes: dict[str, Any]) -> dict[str, Any]:
    """Change a schedule as the service does. Returns what `undo_schedules` needs of it: of a change
    of the work, also what it replaces."""
    names = {*changes, *(("task_type", "workflow_id") if _WORK & changes.keys() else ())}
    announce_change()
    before = keep_values(lock_schedule(schedule.workspace_id, schedule.id), names)
    after = editing.update_schedule(
        workspace_id=schedule.workspace_id,
        schedule_id=schedule.id,
        changes=changes,
        actor=actor,
    )
    return schedule_change(before, after, names)


@register_undo("schedules", scope="cron:write")
@transaction.atomic
def undo_schedules(act_as: ActAs, values: dict[str, Any]) -> Undone:
    """Pauses, resumptions and edits: of all of the schedules, or of none."""
    announce_change()
    for change in values["schedules"]:
        workspace_id, schedule_id = UUID(change["workspace"]), UUID(change["id"])
        actor = act_as(workspace_id)
        schedule = lock_schedule(workspace_id, schedule_id)
        before = change["before"]
        changed_at = schedule.updated_at.isoformat()
        is_same = change.get("changed_at", changed_at) == changed_at
        if not is_same or keep_values(schedule, before) != change["after"]:
            raise Conflict(f"The schedule {isolated_text(schedule.name)} has been changed since.")
        editing.update_schedule(
            workspace_id=workspace_id,
            schedule_id=schedule_id,
            changes={name: _from_json(name, value) for name, value in before.items()},
            actor=actor,
        )
    return Undone(f"Undone for {format_count(len(values['schedules']), 'schedule')}.")


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _from_json(name: str, value: Any) -> Any:
    if value and name in _TIMES:
        return parse_datetime(value)
    return UUID(value) if value and name == "workflow_id" else value
