"""Rows of django-celery-beat: a PeriodicTask and its times, read and written."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import schedules as celery_schedules
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
)

from controlplane.core.clock import utc_z
from controlplane.core.errors import FieldError
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.timing import (
    CronRule,
    EveryRule,
    OnceRule,
    Timing,
    TimingError,
    parse_timing,
)

# What to join to a schedule, so that reading its timing costs no query.
BEAT = (
    "periodic_task__crontab",
    "periodic_task__interval",
    "periodic_task__clocked",
    "periodic_task__solar",
)
_UNITS = {"seconds": "s", "minutes": "m", "hours": "h", "days": "d"}
_KEY_LENGTH = 300


@dataclass(frozen=True, slots=True)
class BeatTiming:
    """The text of a schedule, its zone and bounds; `text` is empty where it has none."""

    text: str
    timezone: str
    start_at: datetime | None
    end_at: datetime | None

    def key(self, anchor: datetime) -> str:
        """Equal keys have equal times: whether times that were computed earlier still hold."""
        parts = [self.text, self.timezone, self.start_at, self.end_at]
        if self.text.startswith("@every"):
            parts.append(anchor)
        key = " | ".join("" if part is None else str(part) for part in parts)
        if len(key) <= _KEY_LENGTH:
            return key
        return hashlib.sha256(key.encode()).hexdigest()

    def parse(self, anchor: datetime) -> Timing:
        """The timing. Raises TimingError when it is none that can be fired."""
        if not self.text:
            message = "Solar events and intervals below a second are not supported."
            raise TimingError("schedule", message)
        return parse_timing(
            self.text,
            self.timezone,
            anchor=anchor,
            start_at=self.start_at,
            end_at=self.end_at,
        )


def read_beat(task: PeriodicTask) -> BeatTiming:
    """What beat's row says."""
    text, timezone = "", "UTC"
    if task.crontab is not None:
        text, timezone = _cron_text(task.crontab), str(task.crontab.timezone)
    elif task.interval is not None:
        text = _every_text(task.interval)
    elif task.clocked is not None:
        text = utc_z(task.clocked.clocked_time)
    return BeatTiming(text, timezone, task.start_time, task.expires)


def read_timezone(schedule: Schedule) -> str:
    """The zone of a schedule, also while its times have none: a period, or one instant."""
    crontab = schedule.periodic_task.crontab
    return schedule.timezone if crontab is None else str(crontab.timezone)


def read_timing(schedule: Schedule) -> Timing:
    """The timing of a schedule. Raises TimingError when beat's row holds none."""
    return read_beat(schedule.periodic_task).parse(schedule.created_at)


def describe_crontab(crontab: CrontabSchedule) -> str:
    """The fields for people; why they do not fire, where that is so."""
    try:
        return parse_timing(_cron_text(crontab), str(crontab.timezone)).words()
    except TimingError as error:
        return error.message


def _cron_text(crontab: CrontabSchedule) -> str:
    fields = [
        str(field).replace(" ", "") or "*"
        for field in (
            crontab.minute,
            crontab.hour,
            crontab.day_of_month,
            crontab.month_of_year,
            crontab.day_of_week,
        )
    ]
    text = " ".join(fields)
    try:
        parse_timing(text)
    except TimingError:
        # Beat's pages also take what only Celery reads, such as hours 22-2.
        return _spelled_out(fields) or text
    return text


def _spelled_out(fields: list[str]) -> str:
    """The same fields as lists of numbers; empty when Celery cannot read them either."""
    try:
        read = celery_schedules.crontab(*fields[:2], fields[4], fields[2], fields[3])
    except (ValueError, celery_schedules.ParseException):
        return ""
    values = (read.minute, read.hour, read.day_of_month, read.month_of_year, read.day_of_week)
    return " ".join(
        field if field == "*" else ",".join(str(value) for value in sorted(numbers))
        for field, numbers in zip(fields, values, strict=True)
    )


def _every_text(interval: IntervalSchedule) -> str:
    every = int(interval.every)
    if interval.period == "microseconds":
        seconds, rest = divmod(every, 1_000_000)
        return f"@every {seconds}s" if seconds and not rest else ""
    return f"@every {every}{_UNITS[interval.period]}"


# What a PeriodicTask of ours names. No such Celery task exists: the dispatcher fires.
OWN_TASK = "taskplane.schedule"
_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_PERIODS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


def announce_change() -> None:
    """Note that beat's rows change, before any is locked: beat's own pages lock this row first too,
    so two writers never wait for each other."""
    PeriodicTasks.update_changed()


def check_storable(timing: Timing) -> list[FieldError]:
    """The errors of a timing that beat's own rows cannot hold."""
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
