"""Create, change and delete schedules. Each operation is audited in its own transaction."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django_celery_beat.models import PeriodicTask

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, Invalid
from controlplane.core.ids import uuid7
from controlplane.ops.schedules.beat import read_beat, read_timezone
from controlplane.ops.schedules.beat_writing import OWN_TASK, announce_change, set_times
from controlplane.ops.schedules.firing import decide_due_times
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.refreshing import lock_schedule, refresh
from controlplane.ops.schedules.states import Source
from controlplane.ops.schedules.validation import (
    DEFAULTS,
    MAX_BEAT_NAME_LENGTH,
    CheckedSchedule,
    check_fires,
    check_schedule,
)
from controlplane.workspaces.actors import RUN_WORKFLOWS, SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.queries import get_workspace_slug
from controlplane.workspaces.services import record_audit

# Stored instead of a hash: the declaration has gone, and whether a person had paused the schedule.
GONE, GONE_PAUSED = "gone", "gone, was paused"
_PERSONS_FIELDS = {"enabled"}  # what a person may change of a declared schedule
# Columns of Schedule that a change sets as they are.
_COLUMNS = (
    "name", "task_type", "workflow_id", "payload", "queue", "priority", "max_attempts", "overlap",
    "catch_up", "catch_up_max", "jitter_ms",
)  # fmt: skip
_TIMES = ("schedule", "timezone", "start_at", "end_at")


def check_new_schedule(workspace_id: UUID, values: Mapping[str, Any]) -> None:
    """The checks of create_schedule. Raises Invalid, TooLarge."""
    at = now()
    checked = check_schedule(workspace_id, {**DEFAULTS, **values}, at=at, anchor=at)
    check_fires(checked.timing, at)


@transaction.atomic
def create_schedule(
    *,
    workspace_id: UUID,
    values: Mapping[str, Any],
    actor: Actor,
    source: Source = Source.PERSON,
    code_name: str = "",
    code_hash: str = "",
) -> Schedule:
    """A new schedule. `values` needs name, schedule, and task_type or workflow_id;
    `validation.DEFAULTS` has the rest.

    Raises:
        Forbidden: the actor's key may not start what the schedule starts.
        Invalid, TooLarge: some values cannot be kept, or it would never fire.
        Conflict: the name is taken.
    """
    at = now()
    require_start(actor, values.get("workflow_id"))
    checked = check_schedule(workspace_id, {**DEFAULTS, **values}, at=at, anchor=at)
    check_fires(checked.timing, at)
    schedule = Schedule(
        id=uuid7(),
        workspace_id=workspace_id,
        source=source.value,
        code_name=code_name,
        code_hash=code_hash,
        considered_until=at,
        created_by=actor.label,
        created_at=at,
        updated_at=at,
        **{column: checked.values[column] for column in _COLUMNS},
    )
    announce_change()
    _write(schedule, PeriodicTask(task=OWN_TASK, description=""), checked)
    refresh(schedule, at)
    _audit(schedule, actor, "schedule.create", checked.values)
    return schedule


@transaction.atomic
def update_schedule(
    *,
    workspace_id: UUID,
    schedule_id: UUID,
    changes: Mapping[str, Any],
    actor: Actor,
    code_hash: str | None = None,
) -> Schedule:
    """Change some of the values of create_schedule; a task type replaces the workflow, and vice
    versa. Times that were due before the change are decided first.

    Raises: NotFound: the workspace has no such schedule. Forbidden: the actor's key may not start
    what the schedule starts. Invalid, TooLarge: some values are wrong, or it would never fire.
    Conflict: the name is taken, or the schedule is declared in code and `code_hash` is None.
    """
    at = now()
    announce_change()
    schedule = lock_schedule(workspace_id, schedule_id)
    if code_hash is None:
        refuse_code_changes(schedule, changes)
    else:
        schedule.code_hash = code_hash
    is_pause = dict(changes) == {"enabled": False}
    if not is_pause:
        require_start(actor, schedule.workflow_id)
    # What cannot be started any more, since its type has gone, can still be paused.
    if schedule.source == Source.BEAT or is_pause:
        return _update_periodic_task(schedule, changes, at, actor)
    before = read_values(schedule)
    values = {**before, **_replace_work(changes)}
    require_start(actor, values["workflow_id"])
    checked = check_schedule(workspace_id, values, at=at, anchor=schedule.created_at)
    changes_times = any(values[name] != before[name] for name in _TIMES)
    if changes_times:
        check_fires(checked.timing, at)
        while schedule.next_at is not None and schedule.next_at <= at:
            decide_due_times(schedule, at)
    for column in _COLUMNS:
        setattr(schedule, column, checked.values[column])
    schedule.updated_at = at
    _write(schedule, schedule.periodic_task, checked)
    refresh(schedule, at)
    _audit_change(schedule, actor, before, {name: checked.values[name] for name in changes})
    return schedule


@transaction.atomic
def set_enabled(
    *,
    workspace_id: UUID,
    schedule_id: UUID,
    enabled: bool,
    actor: Actor,
    paused_at: datetime | None = None,
) -> Schedule | None:
    """Pause or resume a schedule; with `paused_at`, resume it only from the pause that began then.
    Returns None if it needed no change. Raises as update_schedule; Conflict for another pause."""
    announce_change()
    schedule = lock_schedule(workspace_id, schedule_id)
    if schedule.periodic_task.enabled == enabled:
        return None
    if paused_at not in (None, schedule.paused_at):
        raise Conflict("It has been resumed and paused again since.")
    changes = {"enabled": enabled}
    return update_schedule(
        workspace_id=workspace_id, schedule_id=schedule_id, changes=changes, actor=actor
    )


@transaction.atomic
def delete_schedule(*, workspace_id: UUID, schedule_id: UUID, actor: Actor) -> None:
    """Remove a schedule with its PeriodicTask and its firings; tasks and runs stay. Raises
    NotFound, Conflict while it is declared in code."""
    announce_change()
    schedule = lock_schedule(workspace_id, schedule_id)
    refuse_code_removal(schedule)
    _audit(schedule, actor, "schedule.delete", {"name": schedule.name})
    schedule.periodic_task.delete()


def _update_periodic_task(
    schedule: Schedule, changes: Mapping[str, Any], at: datetime, actor: Actor
) -> Schedule:
    """Change those rules of a plain periodic task that beat does not have."""
    allowed = {"enabled", "overlap", "catch_up", "catch_up_max", "jitter_ms"}
    if wrong := sorted(set(changes) - allowed):
        message = (
            "This schedule is a plain periodic task: change it in the admin of django-celery-beat."
        )
        raise Invalid(message, errors=[{"field": name, "message": message} for name in wrong])
    before = {name: getattr(schedule, name) for name in allowed - {"enabled"}}
    before["enabled"] = schedule.periodic_task.enabled
    if "enabled" in changes:
        schedule.periodic_task.enabled = changes["enabled"]
        schedule.periodic_task.save()
    for name in allowed - {"enabled"}:
        setattr(schedule, name, changes.get(name, getattr(schedule, name)))
    schedule.updated_at = at
    schedule.save()
    refresh(schedule, at)
    _audit_change(schedule, actor, before, changes)
    return schedule


def read_values(schedule: Schedule) -> dict[str, Any]:
    """The values of a schedule, by the names of create_schedule."""
    beat = read_beat(schedule.periodic_task)
    return {
        **{column: getattr(schedule, column) for column in _COLUMNS},
        "schedule": beat.text,
        "timezone": read_timezone(schedule),
        "start_at": beat.start_at,
        "end_at": beat.end_at,
        "enabled": schedule.periodic_task.enabled,
    }


def _replace_work(changes: Mapping[str, Any]) -> dict[str, Any]:
    replaced = dict(changes)
    if changes.get("task_type"):
        replaced.setdefault("workflow_id", None)
    elif changes.get("workflow_id") is not None:
        replaced.setdefault("task_type", "")
    return replaced


def _write(schedule: Schedule, task: PeriodicTask, checked: CheckedSchedule) -> None:
    task.name = f"{get_workspace_slug(schedule.workspace_id)}/{schedule.name}"
    if len(task.name) > MAX_BEAT_NAME_LENGTH:
        message = f"With the workspace's name it has more than {MAX_BEAT_NAME_LENGTH} characters."
        raise Invalid(errors=[{"field": "name", "message": message}])
    task.enabled = checked.values["enabled"]
    set_times(task, checked.timing)
    schedule.timezone = checked.timing.timezone
    try:
        with transaction.atomic():
            task.save()
            schedule.periodic_task = task
            schedule.save()
    except (IntegrityError, ValidationError) as error:  # beat's row looks before it is written
        raise Conflict(f"There is a schedule {schedule.name!r} already.") from error


def _audit_change(
    schedule: Schedule, actor: Actor, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """The new values, beside what they replaced."""
    replaced = {name: before[name] for name in after if name in before}
    _audit(schedule, actor, "schedule.update", {**after, "before": _storable(replaced)})


def _audit(schedule: Schedule, actor: Actor, action: str, detail: Mapping[str, Any]) -> None:
    record_audit(
        workspace=schedule.workspace_id,
        actor=actor,
        action=action,
        target_type="schedule",
        target_id=str(schedule.id),
        detail=_storable(detail),
    )


def _storable(values: Mapping[str, Any]) -> dict[str, Any]:
    """A payload may contain secrets: only the fact that it changed is recorded."""
    return {
        name: "(a payload)" if name == "payload" else _plain(value)
        for name, value in values.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def require_start(actor: Actor, workflow_id: UUID | None) -> None:
    """Raises Forbidden when the actor's key may not start what the schedule starts."""
    require_scopes(actor, SUBMIT_TASKS, *([] if workflow_id is None else [RUN_WORKFLOWS]))


def refuse_code_changes(schedule: Schedule, changes: Collection[str]) -> None:
    """Raises Conflict for a declared schedule, unless it is only paused or resumed."""
    if schedule.source == Source.CODE and not set(changes) <= _PERSONS_FIELDS:
        raise Conflict(
            f"This schedule is declared in {module_of(schedule)}: change it there. Only pause and "
            "resume work here."
        )


def refuse_code_removal(schedule: Schedule) -> None:
    """Raises Conflict for a schedule that is still declared."""
    if schedule.source == Source.CODE and schedule.code_hash not in (GONE, GONE_PAUSED):
        raise Conflict(
            f"This schedule is declared in {module_of(schedule)}: remove it there, or pause it."
        )


def module_of(schedule: Schedule) -> str:
    """The module that declares or declared it."""
    return str(schedule.code_name.partition(":")[0])
