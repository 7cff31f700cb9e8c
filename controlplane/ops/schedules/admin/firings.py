"""The pages of firings."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.core.admin.display import badge, link, show_time
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.formatting import EMPTY, format_duration, format_state, format_time
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.workspaces.adminpages import WorkspacePages


@admin.register(Firing)
class FiringAdmin(WorkspacePages, ReadOnlyAdmin):
    """The decision about each scheduled time of all schedules, newest first."""

    exported = "executions"
    list_display = [
        "nominal_time", "schedule", "why", "status", "lateness", "times", "started",
    ]  # fmt: skip
    list_filter = ["state", "kind", "skip_reason"]
    list_select_related = ["schedule"]
    search_fields = ["schedule__name"]
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    search_help_text = "A part of the name of a schedule."
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Firing], search_term: str
    ) -> tuple[QuerySet[Firing], bool]:
        """Firings of the schedules with that name, which are few: an index has their firings."""
        if not search_term.strip():
            return queryset, False
        named = Schedule.objects.filter(name__icontains=search_term.strip())
        return queryset.filter(schedule_id__in=list(named.values_list("id", flat=True))), False

    def describe(self, request: HttpRequest, firing: Any) -> dict[str, Any]:
        return {"heading": f"{firing.schedule}, {format_time(firing.scheduled_for)}"}

    @admin.display(description="scheduled for")
    def nominal_time(self, firing: Firing) -> str:
        return show_time(firing.scheduled_for)

    @admin.display(description="trigger")
    def why(self, firing: Firing) -> str:
        return firing.triggered_by or firing.kind

    @admin.display(description="status")
    def status(self, firing: Firing) -> str:
        return show_state(firing)

    @admin.display(description="delay")
    def lateness(self, firing: Firing) -> str:
        return show_delay(firing)

    @admin.display(description="started")
    def started(self, firing: Firing) -> str:
        return show_work(firing)


def show_state(firing: Firing | None) -> str:
    """The state, with the reason of a skipped time."""
    if firing is None:
        return EMPTY
    text = firing.get_state_display()
    if firing.skip_reason:
        text = f"{text}: {format_state(firing.skip_reason)}"
    return badge(firing.state, text)


def show_delay(firing: Firing) -> str:
    """The delay of the decision."""
    return EMPTY if firing.late_ms is None else format_duration(firing.late_ms / 1_000)


def show_work(firing: Firing) -> str:
    """A link to the task or the run of a firing."""
    if firing.task_id is not None:
        return link("tasks_app_task", firing.task_id, "task")
    return link("workflows_workflowrun", firing.run_id, "run")
