"""The pages of runs."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from controlplane.core.errors import DomainError, NotFound
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import may
from controlplane.workspaces.states import Role
from workflows import runs
from workflows.admin.forms import DecisionForm, InputForm, pretty
from workflows.admin.pages import WorkflowPages, as_id, badge, to_run
from workflows.admin.runpage import describe_page
from workflows.models import WorkflowRun

_MOST_SELECTED = 200


@admin.register(WorkflowRun)
class RunAdmin(WorkflowPages):
    """Runs with their steps. Buttons and actions call the services, as the person logged in."""

    list_display = [
        "short_id",
        "workflow",
        "status",
        "steps",
        "workspace",
        "started_by",
        "created_at",
        "finished_at",
    ]
    list_display_links = ["short_id", "workflow"]
    list_filter = ["state"]
    list_select_related = ["workspace", "workflow"]
    search_fields = ["workflow__name"]
    search_help_text = "The id of a run or of a workflow, or a part of a workflow's name."
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    actions = ["cancel", "retry"]
    change_form_template = "admin/workflows/workflowrun/change_form.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "id",
                    "workflow_version",
                    "status",
                    "workspace",
                    "started_by",
                    "created_at",
                    "finished_at",
                    "cancel_requested_at",
                    "parent_run",
                    "repeats",
                ]
            },
        ),
        ("Input", {"fields": ["input_text"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        """With what the buttons post to."""
        verbs = {
            "cancel": self.cancel_view,
            "retry": self.retry_view,
            "rerun": self.rerun_view,
            "decide": self.decide_view,
        }
        own = [
            path(
                f"<uuid:object_id>/{verb}/",
                self.admin_site.admin_view(view),
                name=f"workflows_workflowrun_{verb}",
            )
            for verb, view in verbs.items()
        ]
        return [*own, *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[WorkflowRun], search_term: str
    ) -> tuple[QuerySet[WorkflowRun], bool]:
        """An id is looked up; anything else is searched for."""
        known = as_id(search_term)
        if known:
            return queryset.filter(id=known) | queryset.filter(workflow_id=known), False
        return super().get_search_results(request, queryset, search_term)

    def describe(self, request: HttpRequest, run: Any) -> dict[str, Any]:
        """The run with its steps, and what may be done."""
        try:
            more = describe_page(run.workspace_id, run.id, request.GET)
        except NotFound:  # it was removed between the queries
            more = {}
        more["may_operate"] = may(request, run.workspace_id, Role.OPERATOR)
        more["subtitle"] = f"{run.workflow.name} {self.short_id(run)}"
        return more

    def cancel_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The button."""
        return self._act(request, object_id, runs.cancel_run, "The run is being cancelled.")

    def retry_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The button."""
        return self._act(request, object_id, runs.retry_run, "The run goes on.")

    def decide_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The buttons of a step that waits for a person."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        run = self.wanted(request, object_id)
        actor = self.operator(request, run.workspace_id)
        form = DecisionForm(request.POST)
        if not form.is_valid():
            said = "; ".join(f"{name}: {each[0]}" for name, each in form.errors.items())
            self.message_user(request, said, messages.ERROR)
            return to_run(run.id)
        asked = form.cleaned_data
        is_yes = asked["decision"] == "approve"

        def decide() -> None:
            runs.decide_step(
                workspace_id=run.workspace_id,
                run_id=run.id,
                step_key=asked["step"],
                approve=is_yes,
                comment=asked["comment"],
                actor=actor,
            )

        verb = "approved" if is_yes else "rejected"
        self.tell(request, decide, f"The step {asked['step']} is {verb}.")
        return to_run(run.id)

    def rerun_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The form of another input for the same workflow."""
        run = self.wanted(request, object_id)
        form = InputForm(request.POST or None, initial={"input": pretty(run.input)})

        def start(value: Any, actor: Actor) -> tuple[Any, bool]:
            return runs.execute_workflow(
                workspace_id=run.workspace_id,
                workflow_id=run.workflow_id,
                input=value,
                actor=actor,
                rerun_of=run.id,
            )

        return self.input_page(
            request,
            form,
            start,
            original=run,
            title=f"Run {run.workflow.name} again",
            button="Run again",
            back=reverse("admin:workflows_workflowrun_change", args=[run.id]),
            schema_text="",
        )

    def _act(self, request: HttpRequest, run_id: UUID, verb: Any, done: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        run = self.wanted(request, run_id)
        actor = self.operator(request, run.workspace_id)
        self.tell(
            request,
            lambda: verb(workspace_id=run.workspace_id, run_id=run.id, actor=actor),
            done,
        )
        return to_run(run.id)

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[WorkflowRun]) -> None:
        self._act_on_many(request, queryset, runs.cancel_run, "cancelled")

    @admin.action(description="Retry: go on from what failed")
    def retry(self, request: HttpRequest, queryset: QuerySet[WorkflowRun]) -> None:
        self._act_on_many(request, queryset, runs.retry_run, "retried")

    def _act_on_many(
        self, request: HttpRequest, runs: QuerySet[WorkflowRun], verb: Any, done: str
    ) -> None:
        chosen = list(runs.values_list("workspace_id", "id")[:_MOST_SELECTED])
        if not all(may(request, workspace_id, Role.OPERATOR) for workspace_id, _ in chosen):
            raise PermissionDenied("This needs the role operator in the run's workspace.")
        changed, refused = 0, ""
        for workspace_id, run_id in chosen:
            actor = self.operator(request, workspace_id)
            try:
                verb(workspace_id=workspace_id, run_id=run_id, actor=actor)
            except DomainError as error:
                refused = refused or str(error)
            else:
                changed += 1
        self.message_user(request, f"{changed} of {len(chosen)} runs {done}.")
        if refused:
            self.message_user(request, refused, messages.WARNING)

    @admin.display(description="id")
    def short_id(self, run: WorkflowRun) -> str:
        """The random end of the id: the beginning is the time."""
        return f"…{str(run.id)[-12:]}"

    @admin.display(description="status")
    def status(self, run: WorkflowRun) -> str:
        return badge(run.state)

    @admin.display(description="steps ended")
    def steps(self, run: WorkflowRun) -> str:
        return f"{run.steps_ended} of {run.steps_total}"

    @admin.display(description="workflow")
    def workflow_version(self, run: WorkflowRun) -> str:
        said = f"{run.workflow.name}, version {run.version.version}"
        if run.workflow.deleted_at is not None:
            return f"{said} (deleted)"
        address = reverse("admin:workflows_workflow_change", args=[run.workflow_id])
        return format_html('<a href="{}?version={}">{}</a>', address, run.version.version, said)

    @admin.display(description="step of")
    def parent_run(self, run: WorkflowRun) -> str:
        said = f"run {run.parent_run_id}, step {run.parent_step_key}"
        return _link(run.parent_run_id, said)

    @admin.display(description="repeats")
    def repeats(self, run: WorkflowRun) -> str:
        return _link(run.rerun_of, f"run {run.rerun_of}")

    @admin.display(description="input")
    def input_text(self, run: WorkflowRun) -> str:
        return format_html("<pre>{}</pre>", pretty(run.input))


def _link(run_id: UUID | None, said: str) -> str:
    if run_id is None:
        return "-"
    address = reverse("admin:workflows_workflowrun_change", args=[run_id])
    return format_html('<a href="{}">{}</a>', address, said)
