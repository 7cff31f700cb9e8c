"""Schedules and firings in the admin. The pages of django-celery-beat stay, for superusers."""

from controlplane.ops.schedules.admin.beat import PeriodicTaskPages
from controlplane.ops.schedules.admin.firings import FiringAdmin
from controlplane.ops.schedules.admin.schedules import ScheduleAdmin
from controlplane.ops.schedules.admin.tasklinks import find_schedule

__all__ = ["FiringAdmin", "PeriodicTaskPages", "ScheduleAdmin", "find_schedule"]
