"""The pages of stress tests."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from controlplane.core.admin.display import Button, Question, badge, time_column
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.errors import DomainError
from controlplane.core.formatting import format_elapsed, format_number
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.visibletext import isolated_text
from controlplane.ops.stress.admin.forms import StressForm
from controlplane.ops.stress.admin.testpage import compare_table, describe_test
from controlplane.ops.stress.control import start_test, stop_test
from controlplane.ops.stress.models import StressTest
from controlplane.ops.stress.queries import compare_tests, list_tests
from controlplane.ops.stress.states import ENDED, StressState
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import WorkspacePages, list_own_workspaces
from controlplane.workspaces.states import Role

REFRESH_SECONDS = 2
_MAX_OTHERS = 50
_STOP = Question(
    "Stop the test?",
    "Its waiting tasks are cancelled; the verdict is about what was submitted until then.",
    "Stop the test",
)
_STOPPABLE = {StressState.PREPARING, StressState.RUNNING, StressState.SETTLING}


@admin.register(StressTest)
class StressTestAdmin(WorkspacePages, ReadOnlyAdmin):
    """Stress tests with their progress and reports. A form starts one, a button stops it."""

    exported = "stress-tests"
    list_display = [
        "name", "status", "result", "tasks", "ended", time_column("created_at"), "duration",
        "created_by", "workspace",
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
            "Parameters",
            {
                "fields": [
                    "id", "workspace", "name", "tasks", "type", "duration_ms", "failure_rate",
                    "dependent_share", "shape", "rate_per_second", "seed", "created_by",
                    "created_at",
                ]
            },
        )
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[StressTest]:
        tests = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and match.url_name == "stress_stresstest_changelist"
        return tests.defer("report", "waits", "runs") if is_list else tests

    def extra_pages(self) -> list[Any]:
        return [
            ("start/", self.start_view, "start"),
            ("<uuid:object_id>/stop/", self.stop_view, "stop"),
            ("<uuid:object_id>/compare/", self.compare_view, "compare"),
        ]

    def describe(self, request: HttpRequest, test: Any) -> dict[str, Any]:
        """The test; until it has ended, the page reloads itself."""
        has_ended = test.state in ENDED
        others = list_tests(test.workspace_id, sorted(ENDED)).exclude(id=test.id)
        may_stop = test.state in _STOPPABLE and is_allowed(
            request, Role.OPERATOR, test.workspace_id
        )
        stop = Button(
            "Stop the test…",
            reverse("admin:stress_stresstest_stop", args=[test.pk]),
            question=_STOP,
        )
        return {
            **describe_test(test),
            "buttons": [stop] if may_stop else [],
            "others": list(others[:_MAX_OTHERS]) if has_ended else [],
            "refresh_seconds": None if has_ended else REFRESH_SECONDS,
            "title": f"Stress test: {isolated_text(test.name)}",
            "subtitle": None,
        }

    def start_view(self, request: HttpRequest) -> HttpResponse:
        workspaces = list_own_workspaces(request, Role.OPERATOR)
        if not workspaces or not self.has_view_permission(request):
            raise PermissionDenied("This needs the role operator in a workspace.")
        form = StressForm(request.POST or None, workspaces=workspaces)

        def submit() -> str:
            workspace_id = UUID(form.cleaned_data["workspace"])
            test = start_test(
                workspace_id=workspace_id,
                spec=form.to_spec(),
                actor=self.require_operator(request, workspace_id),
                confirm=form.cleaned_data.get("confirm", ""),
            )
            return self.row_url(test.pk)

        return self.form_page(
            request,
            form,
            submit,
            title="Start a stress test",
            button="Start the test",
            intro="The tasks go to the queue stress of the workspace. They take turns with other "
            "work on every worker that serves all queues.",
        )

    @method_decorator(require_POST)
    def stop_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        def act(test: StressTest, actor: Actor) -> None:
            stop_test(workspace_id=test.workspace_id, test_id=test.id, actor=actor)

        return self.act_on_row(request, object_id, act, "The test is being stopped.", _STOP)

    def compare_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        test = self.get_row(request, object_id)
        other = parse_uuid_or_none(request.GET.get("with", ""))
        if other is None:
            self.message_user(request, "Choose a test to compare with.", messages.ERROR)
            return HttpResponseRedirect(self.row_url(test.pk))
        try:
            comparison = compare_tests(test.workspace_id, test.id, other)
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(self.row_url(test.pk))
        return self.render(
            request,
            "admin/page.html",
            title="Compare stress tests",
            original=test,
            sections=[compare_table(comparison)],
        )

    @admin.display(description="status")
    def status(self, test: StressTest) -> str:
        return badge(test.state, test.get_state_display())

    @admin.display(description="verdict")
    def result(self, test: StressTest) -> str:
        return badge(test.verdict, test.get_verdict_display())

    @admin.display(description="duration")
    def duration(self, test: StressTest) -> str:
        return format_elapsed(test.begun_at, test.finished_at)

    @admin.display(description="ended")
    def ended(self, test: StressTest) -> str:
        return format_number(test.completed + test.failed + test.cancelled)
