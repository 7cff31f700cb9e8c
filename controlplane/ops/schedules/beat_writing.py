"""Rows of django-celery-beat: the times of a PeriodicTask, written."""

from datetime import timedelta
from typing import Any

from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
)

from controlplane.core.errors import FieldError
from controlplane.ops.schedules.timing import CronRule, EveryRule, OnceRule, Timing

# What a PeriodicTask of ours names. No such Celery task exists: the dispatcher fires.
OWN_TASK = "taskplane.schedule"
_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_PERIODS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


def announce_change() -> None:
    """Note that beat's rows change, before any is locked: beat's own pages lock this row first too,
    so two writers never wait for each other."""
    PeriodicTasks.update_changed()


def check_storable(timing: Timing) -> list[FieldError]:
    """The errors of a timing that beat's rows cannot store."""
    if not isinstance(timing.rule, CronRule):
        return []
    row = _crontab(timing.rule)
    for name in _FIELDS:
        limit = CrontabSchedule._meta.get_field(name).max_length
        if len(getattr(row, name)) > limit:
            message = f"The field {name!r} has more than {limit} characters."
            return [{"field": "schedule", "message": message}]
    return []


def set_times(task: PeriodicTask, timing: Timing) -> None:
    """Point a PeriodicTask, not yet saved, at rows with these times. Equal rows are shared, as
    beat itself shares them."""
    task.crontab = task.interval = task.clocked = task.solar = None
    rule = timing.rule
    if isinstance(rule, CronRule):
        task.crontab = _shared(_crontab(rule))
    elif isinstance(rule, EveryRule):
        task.interval = _shared(_interval(rule.period))
    elif isinstance(rule, OnceRule):
        task.clocked = _shared(ClockedSchedule(clocked_time=rule.at))
    task.one_off = task.clocked is not None
    task.start_time = timing.start_at
    task.expires = timing.end_at


def _crontab(rule: CronRule) -> CrontabSchedule:
    return CrontabSchedule(**dict(zip(_FIELDS, rule.fields, strict=True)), timezone=rule.zone.key)


def _interval(period: timedelta) -> IntervalSchedule:
    seconds = period // timedelta(seconds=1)
    name, size = next(pair for pair in _PERIODS if seconds % pair[1] == 0)
    return IntervalSchedule(every=seconds // size, period=name)


def _shared(row: Any) -> Any:
    names = [field.name for field in row._meta.concrete_fields if not field.primary_key]
    found = type(row).objects.filter(**{name: getattr(row, name) for name in names}).first()
    if found is None:
        row.save()
        found = row
    return found
