"""The pages of schedules."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.html import format_html
from django.utils.text import capfirst

from controlplane.core.admin.actions import MAX_UNDONE, THIS_PAGE, confirmed_action
from controlplane.core.admin.display import Table, badge, link, show_time
from controlplane.core.admin.lists import read_filters
from controlplane.core.admin.pages import ReadMostlyAdmin, copy_row
from controlplane.core.admin.undo import offer_undo, show_unchanged
from controlplane.core.clock import now
from controlplane.core.errors import Conflict, DomainError
from controlplane.core.formatting import format_elapsed, format_percent, shorten
from controlplane.core.jsonb import is_same_json
from controlplane.core.schema import represent_value
from controlplane.core.schema.filters import conditions
from controlplane.core.visibletext import isolated_text
from controlplane.ops.schedules import editing, triggering
from controlplane.ops.schedules.admin.firings import show_delay, show_state, show_work
from controlplane.ops.schedules.admin.forms import ScheduleForm
from controlplane.ops.schedules.beat import BEAT, read_timing
from controlplane.ops.schedules.editing import refuse_code_removal
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.queries import (
    describe,
    describe_jobs,
    get_schedule,
    list_firings,
    next_times,
)
from controlplane.ops.schedules.schema import JobFilter
from controlplane.ops.schedules.states import FiringState
from controlplane.ops.schedules.timing import TimingError
from controlplane.ops.schedules.undo import change_schedule
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import WorkspacePages
from controlplane.workspaces.states import Role

_MAX_TIMES = 10
_MAX_FIRINGS = 20
# The parameters of the list, by the name of the same condition of the API.
_CONDITIONS = {
    "q": "search",
    "periodic_task__enabled__exact": "enabled",
    "source__exact": "source",
    "overlap__exact": "overlap",
}


@admin.register(Schedule)
class ScheduleAdmin(WorkspacePages, ReadMostlyAdmin):
    """Schedules with their next times and firings. Changes go through the services."""

    exported = "schedules"
    form = ScheduleForm
    change_form_template = "admin/schedules/schedule/change_form.html"
    list_display = [
        "name",
        "workspace",
        "description",
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
    actions = ["run_now", "pause", "resume", "bulk"]
    fieldsets = [
        (None, {"fields": ["workspace", "name", "schedule", "timezone", "enabled"]}),
        ("Work", {"fields": ["task_type", "workflow", "payload"]}),
        (
            "Rules",
            {"fields": ["overlap", "catch_up", "catch_up_max", "jitter_ms", "start_at", "end_at"]},
        ),
        ("Task options", {"fields": ["queue", "priority", "max_attempts"]}),
    ]

    def load_page(self, rows: Sequence[Any]) -> None:
        """A fixed number of queries describes all schedules."""
        for schedule, facts in zip(rows, describe_jobs(list(rows)), strict=True):
            schedule.facts = facts

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A schedule never moves to another workspace."""
        return ["workspace"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only on the page of one schedule; one that is declared in code is removed there."""
        if not isinstance(obj, Schedule) or not self.allows(request, "delete", obj):
            return False
        try:
            refuse_code_removal(obj)
        except DomainError:
            return False
        return bool(request.user.has_perm("schedules.delete_schedule"))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """One line, not each of thousands of firings."""
        return (
            [f"The schedule {isolated_text(obj.name)} with its firings" for obj in objs],
            {},
            set(),
            [],
        )

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        actor = self.require_operator(request, obj.workspace_id)
        if change:
            undone = change_schedule(get_schedule(obj.workspace_id, obj.id), actor, form.values)
            what = f"the schedule {isolated_text(obj.name)}"
            if is_same_json(undone["before"], undone["after"]):
                show_unchanged(request, what)
            else:
                text = f"{capfirst(what)} was saved."
                offer_undo(request, "schedules", {"schedules": [undone]}, text)
            return
        made = editing.create_schedule(
            workspace_id=obj.workspace_id, values=form.values, actor=actor
        )
        copy_row(made, obj)

    def response_change(self, request: HttpRequest, obj: Schedule) -> HttpResponse:
        """Without Django's message: `save_model` has shown one."""
        stays = "_continue" in request.POST
        return HttpResponseRedirect(self.row_url(obj.pk) if stays else self._list_url())

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        actor = self.require_operator(request, obj.workspace_id)
        editing.delete_schedule(workspace_id=obj.workspace_id, schedule_id=obj.id, actor=actor)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A service may refuse a valid form after a concurrent change."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def describe(self, request: HttpRequest, schedule: Any) -> dict[str, Any]:
        """The schedule with its next times and its newest firings."""
        context = _describe(schedule)
        context["may_operate"] = is_allowed(request, Role.OPERATOR, schedule.workspace_id)
        return context

    @admin.display(description="schedule")
    def description(self, schedule: Any) -> str:
        view = schedule.facts.view
        return str(view.words or view.problem)

    @admin.display(description="next")
    def next_time(self, schedule: Schedule) -> str:
        return show_time(schedule.next_at)

    @admin.display(description="last")
    def last_status(self, schedule: Any) -> str:
        return show_state(schedule.facts.last)

    @admin.display(description="success")
    def success_rate(self, schedule: Any) -> str:
        return format_percent(schedule.facts.success_rate)

    @admin.display(description="state")
    def is_enabled(self, schedule: Any) -> str:
        if schedule.facts.view.enabled:
            return badge("ACTIVE")
        return badge("PAUSED")

    @admin.display(description="source")
    def defined_by(self, schedule: Schedule) -> str:
        return schedule.source

    @confirmed_action(
        "Run now",
        button="Run now",
        warning="Each starts its work once more, at once. Their own times stay as they are.",
    )
    def run_now(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> HttpResponse:
        def verb(schedule: Schedule, actor: Actor) -> None:
            firing = triggering.trigger_schedule(
                workspace_id=schedule.workspace_id, schedule_id=schedule.id, actor=actor
            )
            if firing.state == FiringState.FAILED:
                raise Conflict(f"It did not start. {_error_of(firing)}".strip())

        return self._act(request, queryset, verb, "fired")

    @confirmed_action(
        "Pause",
        button="Pause",
        warning="They start nothing until they are resumed. Work that has started continues.",
        is_undoable=True,
    )
    def pause(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> HttpResponse:
        return self._set_enabled(request, queryset, enabled=False)

    @confirmed_action(
        "Resume",
        button="Resume",
        warning="They start work again at their next times.",
        is_undoable=True,
    )
    def resume(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> HttpResponse:
        return self._set_enabled(request, queryset, enabled=True)

    @admin.action(description="Bulk operation…")
    def bulk(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> HttpResponse:
        """On the selected schedules, or on all that match the list's filters."""
        is_all = request.POST.get("select_across") == "1"
        wanted = _read_wanted(request.GET) if is_all else None
        return self.to_bulk_operation(request, queryset, "schedules", wanted=wanted)

    def _set_enabled(
        self, request: HttpRequest, queryset: QuerySet[Schedule], *, enabled: bool
    ) -> HttpResponse:
        undone: list[dict[str, Any]] = []

        def verb(schedule: Schedule, actor: Actor) -> None:
            change = change_schedule(schedule, actor, {"enabled": enabled})
            if change["before"] == change["after"]:
                raise Conflict("It was on already." if enabled else "It was paused already.")
            undone.append(change)

        done = "resumed" if enabled else "paused"
        return self._act(request, queryset, verb, done, ("schedules", {"schedules": undone}))

    def _act(
        self,
        request: HttpRequest,
        queryset: QuerySet[Schedule],
        verb: Callable[[Schedule, Actor], None],
        done: str,
        undo: tuple[str, dict[str, Any]] | None = None,
    ) -> HttpResponse:
        """Act on each, and go back to the list or, for a button, to the page of the schedule."""
        first = queryset.first() if THIS_PAGE in request.POST else None
        self.act_on_rows(request, queryset, verb, done, limit=MAX_UNDONE, undo=undo)
        url = request.get_full_path() if first is None else self.row_url(first.pk)
        return HttpResponseRedirect(url)


def _read_wanted(params: QueryDict) -> dict[str, Any] | None:
    """The list's filters as those of the API; None if one of them has no such condition."""
    wanted = read_filters(params, _CONDITIONS)
    wanted.pop("workspace", None)
    if "enabled" in wanted:
        wanted["enabled"] = "true" if wanted["enabled"] == "1" else "false"
    is_known = set(wanted) <= set(conditions(JobFilter))
    return wanted if is_known else None


def _describe(row: Schedule) -> dict[str, Any]:
    schedule = get_schedule(row.workspace_id, row.id)
    (facts,) = describe_jobs([schedule])
    view = describe(schedule)
    rate = facts.success_rate
    return {
        "view": view,
        "next_at": show_time(schedule.next_at),
        "success_rate": "" if rate is None else format_percent(rate),
        "sections": [_times_table(schedule, view), _firings_table(schedule)],
        "has_firings": facts.last is not None,
    }


def _times_table(schedule: Schedule, view: Any) -> Table:
    try:
        times = next_times(read_timing(schedule), after=now(), count=_MAX_TIMES)
    except TimingError:
        times = []  # the view says what is wrong
    is_local = view.timezone != "UTC"
    return Table(
        "Next times" if view.enabled else "Next times after it is resumed",
        [view.timezone, "UTC"] if is_local else ["UTC"],
        [[each.shown_local, each.shown_utc] if is_local else [each.shown_utc] for each in times],
        empty="No more times.",
    )


def _firings_table(schedule: Schedule) -> Table:
    firings = list_firings(schedule.workspace_id, schedule.id)
    return Table(
        "Newest firings",
        ["Scheduled for", "Trigger", "Status", "Delay", "Run time", "Started", "Decision"],
        [
            [
                _scheduled_for(firing),
                firing.triggered_by or firing.kind,
                show_state(firing),
                show_delay(firing),
                format_elapsed(firing.started_at, firing.finished_at),
                show_work(firing),
                _decision(firing),
            ]
            for firing in firings.order_by("-scheduled_for", "-id")[:_MAX_FIRINGS]
        ],
        empty="No firings yet.",
        numbers=frozenset({"Delay", "Run time"}),
    )


def _scheduled_for(firing: Firing) -> str:
    page = link("schedules_firing", firing.pk, show_time(firing.scheduled_for))
    if firing.times == 1:
        return page
    return format_html("{}<br>and {} more", page, firing.times - 1)


def _decision(firing: Firing) -> str:
    return f"{firing.detail} {_error_of(firing)}".strip()


def _error_of(firing: Firing) -> str:
    shown = represent_value("error", firing.error, None) or {}
    return shorten(str(shown.get("message", "")), 200)
