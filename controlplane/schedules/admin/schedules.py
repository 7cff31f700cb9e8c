"""The pages of schedules."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.timesince import timeuntil

from controlplane.core.adminpages import ReadMostlyAdmin
from controlplane.core.clock import now
from controlplane.core.errors import DomainError
from controlplane.schedules import editing, triggering
from controlplane.schedules.admin.firings import link_of
from controlplane.schedules.admin.forms import ScheduleForm
from controlplane.schedules.admin.words import badge, duration, figure, late
from controlplane.schedules.beat import BEAT, read_timing
from controlplane.schedules.editing import refuse_code_removal
from controlplane.schedules.models import Schedule
from controlplane.schedules.queries import (
    describe,
    describe_jobs,
    get_schedule,
    list_firings,
    next_times,
)
from controlplane.schedules.timing import TimingError
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import WorkspacePages, actor_in, may
from controlplane.workspaces.states import Role

_NEXT_SHOWN = 10
_FIRINGS_SHOWN = 20
_THIS_PAGE = "_this_page"


class _LookedAtList(ChangeList):
    """A fixed number of queries for what is shown of all the schedules of a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        for schedule, row in zip(
            self.result_list, describe_jobs(list(self.result_list)), strict=True
        ):
            schedule.found = row


@admin.register(Schedule)
class ScheduleAdmin(WorkspacePages, ReadMostlyAdmin):
    """Schedules with their next times and firings. Everything goes through the services."""

    form = ScheduleForm
    change_form_template = "admin/schedules/schedule/change_form.html"
    list_display = [
        "name",
        "workspace",
        "words",
        "next_time",
        "last_status",
        "success_rate",
        "is_enabled",
        "defined_by",
    ]
    list_filter = ["periodic_task__enabled", "source", "overlap"]
    list_select_related = ["workspace", *BEAT]
    search_fields = ["name", "task_type"]
    ordering = ["name"]
    sortable_by: ClassVar[list[str]] = ["name"]
    actions = ["run_now", "pause", "resume"]
    fieldsets = [
        (None, {"fields": ["workspace", "name", "schedule", "timezone", "enabled"]}),
        ("What it starts", {"fields": ["task_type", "workflow", "payload"]}),
        (
            "Rules",
            {"fields": ["overlap", "catch_up", "catch_up_max", "jitter_ms", "start_at", "end_at"]},
        ),
        ("The task", {"fields": ["queue", "priority", "max_attempts"]}),
    ]

    class Media:
        css = {"all": ["controlplane/hues.css", "schedules/admin.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _LookedAtList

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A schedule never moves to another workspace."""
        return ["workspace"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A declared one is removed in the code. Only from the page of one."""
        if not isinstance(obj, Schedule) or not self.allows(request, "delete", obj):
            return False
        try:
            refuse_code_removal(obj)
        except DomainError:
            return False
        return bool(request.user.has_perm("schedules.delete_schedule"))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Not each of its thousands of firings."""
        return [f"The schedule {obj.name} with its firings" for obj in objs], {}, set(), []

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Through the services."""
        actor = self._operator(request, obj)
        if change:
            editing.update_schedule(
                workspace_id=obj.workspace_id,
                schedule_id=obj.id,
                changes=form.values,
                actor=actor,
            )
            return
        made, _ = editing.create_schedule(
            workspace_id=obj.workspace_id, values=form.values, actor=actor
        )
        for field in made._meta.concrete_fields:
            setattr(obj, field.attname, getattr(made, field.attname))
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        """Through the service."""
        editing.delete_schedule(
            workspace_id=obj.workspace_id, schedule_id=obj.id, actor=self._operator(request, obj)
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What a service refuses although the form was content: somebody was faster."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def describe(self, request: HttpRequest, schedule: Any) -> dict[str, Any]:
        """The schedule with its next times and its newest firings."""
        more = _page_of(schedule)
        more["may_operate"] = may(request, schedule.workspace_id, Role.OPERATOR)
        return more

    @admin.display(description="schedule")
    def words(self, schedule: Any) -> str:
        view = schedule.found.view
        return str(view.words or view.problem)

    @admin.display(description="next")
    def next_time(self, schedule: Schedule) -> str:
        if schedule.next_at is None:
            return "-"
        if schedule.next_at <= now():
            return "now"
        return figure(f"in {timeuntil(schedule.next_at, depth=1)}")

    @admin.display(description="last")
    def last_status(self, schedule: Any) -> str:
        return badge(schedule.found.last)

    @admin.display(description="success")
    def success_rate(self, schedule: Any) -> str:
        rate = schedule.found.success_rate
        return "-" if rate is None else f"{rate:.0%}"

    @admin.display(description="enabled", boolean=True)
    def is_enabled(self, schedule: Any) -> bool:
        return bool(schedule.found.view.enabled)

    @admin.display(description="source")
    def defined_by(self, schedule: Schedule) -> str:
        return schedule.source

    @admin.action(description="Run now")
    def run_now(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> HttpResponse:
        def verb(schedule: Schedule, actor: Actor) -> None:
            triggering.trigger_schedule(
                workspace_id=schedule.workspace_id, schedule_id=schedule.id, actor=actor
            )

        return self._act(request, queryset, verb, "fired")

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> HttpResponse:
        return self._act(request, queryset, _set_enabled(False), "paused")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> HttpResponse:
        return self._act(request, queryset, _set_enabled(True), "resumed")

    def _act(
        self,
        request: HttpRequest,
        queryset: QuerySet[Schedule],
        verb: Callable[[Schedule, Actor], None],
        done: str,
    ) -> HttpResponse:
        """Do it to each, and go back to where the person was."""
        chosen = list(queryset)
        actors = [self._operator(request, schedule) for schedule in chosen]
        count = 0
        for schedule, actor in zip(chosen, actors, strict=True):
            try:
                verb(schedule, actor)
                count += 1
            except DomainError as error:
                self.message_user(request, f"{schedule.name}: {error}", messages.ERROR)
        if count:
            self.message_user(request, f"{count} of {len(chosen)} schedules {done}.")
        if _THIS_PAGE in request.POST and chosen:
            page = reverse("admin:schedules_schedule_change", args=[chosen[0].pk])
            return HttpResponseRedirect(page)
        return HttpResponseRedirect(request.get_full_path())

    def _operator(self, request: HttpRequest, schedule: Schedule) -> Actor:
        if not may(request, schedule.workspace_id, Role.OPERATOR):
            raise PermissionDenied("This needs the role operator in the schedule's workspace.")
        return actor_in(request, schedule.workspace_id)


def _set_enabled(enabled: bool) -> Callable[[Schedule, Actor], None]:
    def verb(schedule: Schedule, actor: Actor) -> None:
        editing.update_schedule(
            workspace_id=schedule.workspace_id,
            schedule_id=schedule.id,
            changes={"enabled": enabled},
            actor=actor,
        )

    return verb


def _page_of(found: Schedule) -> dict[str, Any]:
    schedule = get_schedule(found.workspace_id, found.id)
    (row,) = describe_jobs([schedule])
    view = describe(schedule)
    try:
        timing = read_timing(schedule)
        times = next_times(timing, after=now(), count=_NEXT_SHOWN)
    except TimingError:
        times = []  # the view says what is wrong
    firings = list_firings(schedule.workspace_id, schedule.id)
    newest = list(firings.order_by("-scheduled_for", "-id")[:_FIRINGS_SHOWN])
    return {
        "view": view,
        "times": times,
        "success_rate": row.success_rate,
        "note": view.note,
        "firings": [
            {
                "firing": firing,
                "badge": badge(firing),
                "late": late(firing),
                "took": _took(firing),
                "link": link_of(firing),
            }
            for firing in newest
        ],
    }


def _took(firing: Any) -> str:
    if firing.started_at is None or firing.finished_at is None:
        return "-"
    return duration(max(0.0, (firing.finished_at - firing.started_at).total_seconds() * 1_000))
