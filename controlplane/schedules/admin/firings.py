"""The pages of firings."""

from typing import ClassVar

from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.schedules.admin.words import badge, figure, late
from controlplane.schedules.models import Firing
from controlplane.workspaces.adminaccess import WorkspacePages


@admin.register(Firing)
class FiringAdmin(WorkspacePages, ReadOnlyAdmin):
    """What was decided about each nominal time of all schedules, newest first."""

    list_display = [
        "nominal_time",
        "schedule",
        "why",
        "status",
        "lateness",
        "times",
        "started",
    ]
    list_filter = ["state", "kind", "skip_reason"]
    list_select_related = ["schedule"]
    search_fields = ["schedule__name"]
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    fields = [
        "schedule",
        "nominal_time",
        "until",
        "times",
        "kind",
        "triggered_by",
        "status",
        "detail",
        "lateness",
        "started",
        "celery_id",
        "decided_at",
        "started_at",
        "finished_at",
        "error",
        "result",
    ]
    readonly_fields = ["nominal_time", "status", "lateness", "started"]

    class Media:
        css = {"all": ["controlplane/hues.css", "schedules/admin.css"]}

    @admin.display(description="scheduled for (UTC)")
    def nominal_time(self, firing: Firing) -> str:
        return figure(f"{firing.scheduled_for:%Y-%m-%d %H:%M:%S}")

    @admin.display(description="why")
    def why(self, firing: Firing) -> str:
        return firing.triggered_by or firing.kind

    @admin.display(description="status")
    def status(self, firing: Firing) -> str:
        return badge(firing)

    @admin.display(description="late")
    def lateness(self, firing: Firing) -> str:
        return figure(late(firing))

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
