"""The pages of stress tests."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.core.errors import DomainError
from controlplane.core.ids import parse_uuid
from controlplane.core.schema import represent
from controlplane.stress import control, queries
from controlplane.stress.admin.forms import StressForm
from controlplane.stress.admin.words import (
    badge,
    draw_lines,
    figure,
    figure_words,
    tell,
    worker_figures,
)
from controlplane.stress.models import StressTest
from controlplane.stress.report import list_figures
from controlplane.stress.schema import StressTestDetail
from controlplane.stress.states import ENDED, StressState
from controlplane.workspaces.adminaccess import WorkspacePages, may, roles_of
from controlplane.workspaces.selectors import list_workspaces
from controlplane.workspaces.states import Role

REFRESH_SECONDS = 2
_MOST_OTHERS = 50
_MOST_WORKSPACES = 1_000
_STOPPABLE = {StressState.PREPARING, StressState.RUNNING, StressState.SETTLING}


@admin.register(StressTest)
class StressTestAdmin(WorkspacePages, ReadOnlyAdmin):
    """Tests with their progress and reports; a form begins one, a button stops it."""

    list_display = [
        "name", "stands", "came_to", "tasks", "ended", "began", "took", "created_by", "workspace",
    ]  # fmt: skip
    list_filter = ["state", "verdict", "type"]
    list_select_related = ["workspace"]
    search_fields = ["name"]
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    change_form_template = "admin/stress/stresstest/change_form.html"
    change_list_template = "admin/stress/stresstest/change_list.html"
    fieldsets = [
        (
            "What was asked",
            {
                "fields": [
                    "id", "workspace", "name", "tasks", "type", "duration_ms", "failure_rate",
                    "dependent_share", "shape", "rate_per_second", "seed", "created_by",
                    "created_at",
                ]
            },
        )
    ]  # fmt: skip

    class Media:
        css = {"all": ["controlplane/hues.css", "stress/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[StressTest]:
        """The list without the reports."""
        tests = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and match.url_name == "stress_stresstest_changelist"
        return tests.defer("report", "waits", "runs") if is_list else tests

    def get_urls(self) -> list[URLPattern]:
        """With the form, the button and the comparison."""
        own = [
            path(route, self.admin_site.admin_view(view), name=f"stress_stresstest_{name}")
            for route, view, name in (
                ("start/", self.start_view, "start"),
                ("<uuid:object_id>/stop/", self.stop_view, "stop"),
                ("<uuid:object_id>/compare/", self.compare_view, "compare"),
            )
        ]
        return [*own, *super().get_urls()]

    def describe(self, request: HttpRequest, test: Any) -> dict[str, Any]:
        """The test; while it has not ended, the page loads itself anew."""
        return self._described(request, test)

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """The form of a new test."""
        workspaces = self._workspaces(request)
        if not workspaces or not self.has_view_permission(request):
            raise PermissionDenied("This needs the role operator in a workspace.")
        form = StressForm(request.POST or None, workspaces=workspaces)
        if request.method == "POST" and form.is_valid():
            test = self._start(request, form)
            if test is not None:
                return HttpResponseRedirect(self._page(test.id))
        context = {"title": "Start a stress test", "form": form}
        return self._render(request, "start", context)

    def stop_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The button."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        test = self.wanted(request, object_id)
        actor = self.operator(request, test.workspace_id)
        self._attempt(
            request,
            lambda: control.stop_test(workspace_id=test.workspace_id, test_id=test.id, actor=actor),
        )
        return HttpResponseRedirect(self._page(test.id))

    def compare_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Two tests side by side."""
        test = self.wanted(request, object_id)
        try:
            other = parse_uuid(request.GET.get("with", ""))
        except ValueError:
            self.message_user(request, "Choose the test to compare with.", messages.ERROR)
            return HttpResponseRedirect(self._page(test.id))
        found = self._attempt(
            request, lambda: queries.compare_tests(test.workspace_id, test.id, other)
        )
        if found is None:
            return HttpResponseRedirect(self._page(test.id))
        rows = [
            {
                **row,
                "words": figure_words(row["name"]),
                "value": figure(row["value"]),
                "other": figure(row["other"]),
            }
            for row in found["figures"]
        ]
        context = {"title": "Compare stress tests", "found": found, "rows": rows}
        return self._render(request, "compare", context | {"original": test})

    def _described(self, request: HttpRequest, test: StressTest) -> dict[str, Any]:
        report: dict[str, Any] = test.report or {}
        has_ended = test.state in ENDED
        others = queries.list_tests(test.workspace_id, sorted(ENDED)).exclude(id=test.id)
        return {
            "shown": represent(StressTestDetail, test, None),
            "badge": badge(test.verdict or test.state, self._words(test)),
            "words": tell(test),
            "report": report,
            "figures": [
                (figure_words(n), figure(v)) for n, v in list_figures(report.get("figures", {}))
            ],
            "workers": worker_figures(report.get("scaling", {})),
            "lines": draw_lines(report.get("series", []), report.get("figures", {})),
            "others": list(others[:_MOST_OTHERS]) if has_ended else [],
            "refresh_seconds": None if has_ended else REFRESH_SECONDS,
            "may_stop": test.state in _STOPPABLE and may(request, test.workspace_id, Role.OPERATOR),
            "title": f"Stress test: {test.name}",
            "subtitle": None,
        }

    def _words(self, test: StressTest) -> str:
        verdict = f": {test.get_verdict_display().lower()}" if test.verdict else ""
        return f"{test.get_state_display()}{verdict}"

    def _start(self, request: HttpRequest, form: StressForm) -> StressTest | None:
        workspace_id = UUID(form.cleaned_data["workspace"])
        actor = self.operator(request, workspace_id)
        try:
            return control.start_test(
                workspace_id=workspace_id,
                spec=form.to_spec(),
                actor=actor,
                confirm=form.cleaned_data.get("confirm", ""),
            )
        except DomainError as error:
            form.refuse(error)
            return None

    def _workspaces(self, request: HttpRequest) -> list[Any]:
        """Those in which the person may begin a test."""
        roles = roles_of(request)
        if roles is None:
            return list(list_workspaces()[:_MOST_WORKSPACES])
        own = [id_ for id_, role in roles.items() if role.includes(Role.OPERATOR)]
        return list(list_workspaces(own)[:_MOST_WORKSPACES])

    def _attempt(self, request: HttpRequest, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None

    def _render(self, request: HttpRequest, name: str, more: dict[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            **more,
        }
        return TemplateResponse(request, f"admin/stress/stresstest/{name}.html", context)

    def _page(self, test_id: UUID) -> str:
        return reverse("admin:stress_stresstest_change", args=[test_id])

    @admin.display(description="status")
    def stands(self, test: StressTest) -> str:
        return badge(test.state, test.get_state_display())

    @admin.display(description="verdict")
    def came_to(self, test: StressTest) -> str:
        return badge(test.verdict, test.get_verdict_display()) if test.verdict else "-"

    @admin.display(description="began (UTC)")
    def began(self, test: StressTest) -> str:
        return f"{test.created_at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="took (s)")
    def took(self, test: StressTest) -> str:
        if test.begun_at is None or test.finished_at is None:
            return "-"
        return figure(round((test.finished_at - test.begun_at).total_seconds(), 1))

    @admin.display(description="ended")
    def ended(self, test: StressTest) -> int:
        return test.completed + test.failed + test.cancelled
