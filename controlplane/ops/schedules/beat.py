"""Rows of django-celery-beat: what a PeriodicTask and its times say.

This module does not import it: `scaling` reads upcoming firings through this module.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from celery import schedules as celery_schedules

from controlplane.core.clock import utc_z
from controlplane.ops.schedules.models import Schedule
from controlplane.ops.schedules.timing import Timing, TimingError, parse_timing

if TYPE_CHECKING:
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

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
    """The expression of a schedule, its zone and bounds; `text` is empty if it has none."""

    text: str
    timezone: str
    start_at: datetime | None
    end_at: datetime | None

    def key(self, anchor: datetime) -> str:
        """Equal keys have equal times; shows whether times that were computed earlier are still
        valid."""
        parts = [self.text, self.timezone, self.start_at, self.end_at]
        if self.text.startswith("@every"):
            parts.append(anchor)
        key = " | ".join("" if part is None else str(part) for part in parts)
        if len(key) <= _KEY_LENGTH:
            return key
        return hashlib.sha256(key.encode()).hexdigest()

    def parse(self, anchor: datetime) -> Timing:
        """The timing. Raises TimingError if it cannot be fired."""
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


def read_beat(task: "PeriodicTask") -> BeatTiming:
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
    """The zone of a schedule, even if its times do not use it: a period, or one instant."""
    crontab = schedule.periodic_task.crontab
    return schedule.timezone if crontab is None else str(crontab.timezone)


def read_timing(schedule: Schedule) -> Timing:
    """The timing of a schedule. Raises TimingError if beat's row has none."""
    return read_beat(schedule.periodic_task).parse(schedule.created_at)


def describe_crontab(crontab: "CrontabSchedule") -> str:
    """The fields for people, with the reason if they do not fire."""
    try:
        return parse_timing(_cron_text(crontab), str(crontab.timezone)).words()
    except TimingError as error:
        return error.message


def _cron_text(crontab: "CrontabSchedule") -> str:
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


def _every_text(interval: "IntervalSchedule") -> str:
    every = int(interval.every)
    if interval.period == "microseconds":
        seconds, rest = divmod(every, 1_000_000)
        return f"@every {seconds}s" if seconds and not rest else ""
    return f"@every {every}{_UNITS[interval.period]}"
