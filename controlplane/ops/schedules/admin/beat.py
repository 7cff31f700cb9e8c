"""The pages of django-celery-beat.

Its rows belong to no workspace and may send any Celery task, so its pages are for superusers.
Changes there take effect: the dispatcher reads beat's rows when they change.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
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

from controlplane.core.formatting import EMPTY
from controlplane.ops.schedules.beat import describe_crontab
from controlplane.workspaces.adminaccess import SuperuserPages


class PeriodicTaskPages(SuperuserPages, PeriodicTaskAdmin):
    """Periodic tasks. The action `run_tasks` would send a Celery task without the dispatcher, so it
    is removed; the button "Run now" of a schedule records a firing."""

    @admin.display(description="crontab translation")
    def crontab_translation(self, task: PeriodicTask) -> str:
        """As on the pages of crontabs."""
        return EMPTY if task.crontab is None else describe_crontab(task.crontab)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With the description of every crontab; the page shows that of the selected one."""
        crontabs = CrontabSchedule.objects.all()
        context["readable_crontabs"] = {each.id: describe_crontab(each) for each in crontabs}
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the action that records no firing."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("run_tasks", None)
        return actions


class ClockedPages(SuperuserPages, ClockedScheduleAdmin):
    """Single times."""


class CrontabPages(SuperuserPages, CrontabScheduleAdmin):
    """Cron fields."""

    @admin.display(description="human readable")
    def human_readable(self, crontab: CrontabSchedule) -> str:
        """Beat's own description uses `and` where one of two day fields is enough."""
        return describe_crontab(crontab)


class IntervalPages(SuperuserPages, IntervalScheduleAdmin):
    """Periods."""


class SolarPages(SuperuserPages, SolarScheduleAdmin):
    """Solar events. The dispatcher does not fire them."""


for model, pages in (
    (PeriodicTask, PeriodicTaskPages),
    (ClockedSchedule, ClockedPages),
    (CrontabSchedule, CrontabPages),
    (IntervalSchedule, IntervalPages),
    (SolarSchedule, SolarPages),
):
    admin.site.unregister(model)
    admin.site.register(model, pages)
