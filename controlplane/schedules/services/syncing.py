"""Edits in beat's own pages take effect: its rows are compared with the schedules."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django_celery_beat.models import PeriodicTask

from controlplane.core.clock import now as utc_now
from controlplane.core.ids import uuid7
from controlplane.core.names import canonical_name
from controlplane.schedules.models import Schedule
from controlplane.schedules.selectors import read_beat
from controlplane.schedules.selectors.beat import BEAT
from controlplane.schedules.services.beat import OWN_TASK
from controlplane.schedules.services.locks import lock_free
from controlplane.schedules.services.refreshing import refresh
from controlplane.schedules.states import Overlap, Source
from controlplane.workspaces.selectors import get_default_workspace_id

_AUTHOR = "django-celery-beat"
_NAME_LENGTH = 150


def sync_beat(*, now: datetime | None = None, limit: int = 1_000) -> int:
    """Look at every PeriodicTask, `limit` at a time; how many schedules were made or changed."""
    changed, after = 0, 0
    while True:
        count, last = sync_portion(after=after, limit=limit, now=now)
        changed += count
        if last is None:
            return changed
        after = last


def sync_portion(*, after: int, limit: int, now: datetime | None = None) -> tuple[int, int | None]:
    """Look at `limit` PeriodicTasks with ids beyond `after`; how many schedules were made or
    changed, and the last of these ids, None when there were no more."""
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
            changed += task.task != OWN_TASK and _adopt(task, at)
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


def _adopt(task: PeriodicTask, at: datetime) -> bool:
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
