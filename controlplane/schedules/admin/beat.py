"""The pages of django-celery-beat.

Its rows belong to no workspace and may send any Celery task, so its pages are for superusers. What
is changed there takes effect: the dispatcher looks at beat's rows when they change.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    IntervalScheduleAdmin,
    PeriodicTaskAdmin,
    SolarScheduleAdmin,
)
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)


class _ForSuperusers:
    """Whatever Django's permissions say."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)


class PeriodicTaskPages(_ForSuperusers, PeriodicTaskAdmin):
    """Periodic tasks. `run_tasks` sends a Celery task now, past the dispatcher; the button of a
    schedule does that with a firing."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the one that leaves no firing behind."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("run_tasks", None)
        return found


class ClockedPages(_ForSuperusers, ClockedScheduleAdmin):
    """Single times."""


class CrontabPages(_ForSuperusers, CrontabScheduleAdmin):
    """Cron fields."""


class IntervalPages(_ForSuperusers, IntervalScheduleAdmin):
    """Periods."""


class SolarPages(_ForSuperusers, SolarScheduleAdmin):
    """Events of the sun, which are not fired here."""


for model, pages in (
    (PeriodicTask, PeriodicTaskPages),
    (ClockedSchedule, ClockedPages),
    (CrontabSchedule, CrontabPages),
    (IntervalSchedule, IntervalPages),
    (SolarSchedule, SolarPages),
):
    admin.site.unregister(model)
    admin.site.register(model, pages)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
