"""The pages of firings."""

from typing import ClassVar

from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.schedules.admin.words import badge, late
from controlplane.schedules.models import Firing
from tasks_app.admin.scope import OwnWorkspaces


@admin.register(Firing)
class FiringAdmin(OwnWorkspaces, ReadOnlyAdmin):
    """What was decided about each nominal time of all schedules, newest first."""

    list_display = [
        "scheduled_for",
        "schedule",
        "kind",
        "status",
        "lateness",
        "times",
        "detail",
        "started",
    ]
    list_filter = ["state", "kind", "skip_reason"]
    list_select_related = ["schedule"]
    search_fields = ["schedule__name"]
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    exclude = ["state"]
    readonly_fields = ["status", "lateness", "started"]

    class Media:
        css = {"all": ["schedules/admin.css"]}

    @admin.display(description="status")
    def status(self, firing: Firing) -> str:
        return badge(firing)

    @admin.display(description="late")
    def lateness(self, firing: Firing) -> str:
        return late(firing)

    @admin.display(description="started")
    def started(self, firing: Firing) -> str:
        return link_of(firing)


def link_of(firing: Firing) -> str:
    """To the task or the run of a firing."""
    for name, words, found in (
        ("admin:tasks_app_task_change", "task", firing.task_id),
        ("admin:workflows_workflowrun_change", "run", firing.run_id),
    ):
        if found is None:
            continue
        try:
            path = reverse(name, args=[found])
        except NoReverseMatch:
            return f"{words} {found}"
        return format_html('<a href="{}">{}</a>', path, words)
    return "-"
