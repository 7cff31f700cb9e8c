"""Schedules and firings in the admin. The pages of django-celery-beat and django-celery-results
stay, for superusers."""

from controlplane.ops.schedules.admin.beat import PeriodicTaskPages
from controlplane.ops.schedules.admin.firings import FiringAdmin
from controlplane.ops.schedules.admin.results import ResultPages
from controlplane.ops.schedules.admin.schedules import ScheduleAdmin
from controlplane.ops.schedules.admin.tasklinks import find_schedule

__all__ = ["FiringAdmin", "PeriodicTaskPages", "ResultPages", "ScheduleAdmin", "find_schedule"]
