"""What can be done to many schedules."""

from dataclasses import asdict
from typing import Any

from django.utils.dateparse import parse_datetime

from controlplane.core.errors import DomainError
from controlplane.core.ids import parse_uuid
from controlplane.core.schema.filters import read_body
from controlplane.ops.schedules.editing import set_enabled
from controlplane.ops.schedules.queries import list_schedules
from controlplane.ops.schedules.schema import JobFilter
from controlplane.workspaces.actors import RUN_WORKFLOWS, SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.bulk import (
    Applied,
    BulkVerb,
    Chunk,
    Described,
    Rows,
    Selected,
    Target,
    register,
)

# The write of a schedule locks beat's row of changes until the end of the transaction.
_CHUNK = 20


def _describe(rows: Rows) -> list[Described]:
    found = rows.values_list("id", "name", "periodic_task__enabled")
    return [
        Described(str(key), name, "ON" if enabled else "PAUSED") for key, name, enabled in found
    ]


def _narrow(workspace_id: Any, wanted: JobFilter) -> Rows:
    return list_schedules(workspace_id, **asdict(wanted))


SCHEDULES = Target(
    name="schedules",
    noun="schedule",
    resource="cron",
    key="id",
    page="schedules_schedule",
    list_all=list_schedules,
    read_filter=lambda body: read_body(JobFilter, body),
    is_everything=lambda wanted: wanted == JobFilter(),
    narrow=_narrow,
    describe=_describe,
    read_key=parse_uuid,
)


def _pause(chunk: Chunk) -> Applied:
    return _apply(chunk, enabled=False)


def _resume(chunk: Chunk) -> Applied:
    return _apply(chunk, enabled=True)


def _apply(chunk: Chunk, *, enabled: bool) -> Applied:
    """Notes when a pause began: an undo ends only that one."""
    applied = Applied()
    same = "It was on already." if enabled else "It was paused already."
    for key in chunk.keys:
        try:
            changed = set_enabled(
                workspace_id=chunk.workspace_id,
                schedule_id=key,
                enabled=enabled,
                actor=chunk.actor,
                paused_at=parse_datetime(chunk.before.get(key, "")) if enabled else None,
            )
        except DomainError as error:
            applied.refused[key] = error.detail
            continue
        if changed is None:
            applied.unchanged[key] = same
        else:
            applied.changed[key] = str(changed.paused_at or "")
    return applied


def _require_starts(actor: Actor, rows: Rows) -> None:
    """A schedule that is resumed submits tasks, or starts runs."""
    if actor.scopes and rows.filter(workflow_id__isnull=False).exists():
        require_scopes(actor, RUN_WORKFLOWS)


def _tell_pause(selected: Selected) -> str:
    schedules = SCHEDULES.count(selected.count)
    return f"{schedules} will start nothing until resumed. Work that has started continues."


def _tell_resume(selected: Selected) -> str:
    schedules = SCHEDULES.count(selected.count)
    return (
        f"{schedules} will start work again at the next time. Times that passed during the pause "
        "are left out."
    )


register(
    BulkVerb(
        SCHEDULES,
        "pause",
        "Pause",
        lambda rows, wanted: rows.filter(periodic_task__enabled=True),
        _pause,
        _tell_pause,
        undone_by="resume",
        chunk=_CHUNK,
    ),
    BulkVerb(
        SCHEDULES,
        "resume",
        "Resume",
        lambda rows, wanted: rows.filter(periodic_task__enabled=False),
        _resume,
        _tell_resume,
        scopes=(SUBMIT_TASKS,),
        check=_require_starts,
        undone_by="pause",
        chunk=_CHUNK,
    ),
)
