"""Applies edits in beat's own pages: its rows are compared with the schedules."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django_celery_beat.models import PeriodicTask

from controlplane.core.clock import now as utc_now
from controlplane.core.ids import uuid7
from controlplane.core.names import canonical_name
from controlplane.ops.schedules.beat import BEAT, read_beat
from controlplane.ops.schedules.beat_writing import OWN_TASK
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.refreshing import lock_free, refresh
from controlplane.ops.schedules.states import Overlap, Source
from controlplane.workspaces.queries import get_default_workspace_id

_AUTHOR = "django-celery-beat"
_NAME_LENGTH = 150


def sync_beat(
    *, after: int = 0, limit: int = 1_000, now: datetime | None = None
) -> tuple[int, int | None]:
    """Compare `limit` PeriodicTasks with ids above `after`. Returns how many schedules were created
    or changed, and the last of these ids, None when there are no more."""
    at = now or utc_now()
    joined = [name.removeprefix("periodic_task__") for name in BEAT]
    tasks = list(
        PeriodicTask.objects.filter(pk__gt=after).select_related(*joined).order_by("pk")[:limit]
    )
    schedules = {
        schedule.periodic_task_id: schedule
        for schedule in Schedule.objects.filter(periodic_task__in=tasks)
    }
    changed = 0
    for task in tasks:
        schedule = schedules.get(task.pk)
        if schedule is None:
            changed += task.task != OWN_TASK and _create_schedule(task, at)
        elif _differs(schedule, task):
            changed += _refresh(schedule, at)
    return changed, tasks[-1].pk if len(tasks) == limit else None


def _differs(schedule: Schedule, task: PeriodicTask) -> bool:
    if task.enabled != (schedule.paused_at is None):
        return True
    return bool(task.enabled and schedule.timing != read_beat(task).key(schedule.created_at))


def _refresh(schedule: Schedule, at: datetime) -> bool:
    with transaction.atomic():
        locked = lock_free(schedule.id)
        return locked is not None and refresh(locked, at)


def _create_schedule(task: PeriodicTask, at: datetime) -> bool:
    """A schedule for a PeriodicTask that names a plain Celery task."""
    workspace_id = get_default_workspace_id()
    name = canonical_name(task.name)[:_NAME_LENGTH]
    if Schedule.objects.filter(workspace_id=workspace_id, name=name).exists():
        name = f"{name[: _NAME_LENGTH - 24]} (periodic task {task.pk})"
    schedule = Schedule(
        id=uuid7(),
        workspace_id=workspace_id,
        periodic_task=task,
        name=name,
        overlap=Overlap.ALLOW.value,
        # Beat runs a clocked task however late it is.
        catch_up=task.clocked is not None,
        source=Source.BEAT.value,
        considered_until=at,
        created_by=_AUTHOR,
        created_at=at,
        updated_at=at,
    )
    if not task.enabled:
        schedule.paused_at = at
    try:
        with transaction.atomic():
            schedule.save(force_insert=True)
            refresh(schedule, at)
    except IntegrityError:
        return False  # another dispatcher made it, or the task is gone
    return True
