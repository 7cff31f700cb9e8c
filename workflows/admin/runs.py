"""The pages of runs."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from controlplane.core.admin.actions import confirmed_action
from controlplane.core.admin.display import Question, badge, link, short_id, show_json, time_column
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.errors import NotFound
from controlplane.core.formatting import format_json, format_short_id
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import WorkspacePages
from controlplane.workspaces.states import Role
from workflows import runs
from workflows.admin.runpage import (
    DecisionForm,
    InputForm,
    decision_question,
    describe_page,
)
from workflows.models import WorkflowRun

_CANCEL = Question(
    "Cancel the run?",
    "Its waiting tasks are cancelled, and running ones are asked to stop.",
    "Cancel the run",
)
_RETRY = Question(
    "Retry the run from its failed steps?",
    "Failed steps, and those that were cancelled with them, run again; completed ones do not.",
    "Retry the run",
)
_MAX_SELECTED = 200  # each is a call of a service


@admin.register(WorkflowRun)
class RunAdmin(WorkspacePages, ReadOnlyAdmin):
    """Runs with their steps. Buttons and actions call the services as the person."""

    exported = "workflow-runs"
    list_display = [
        short_id,
        "workflow",
        "status",
        "steps",
        "workspace",
        "started_by",
        time_column("created_at", "started"),
        time_column("finished_at"),
    ]
    list_display_links = [short_id, "workflow"]
    list_filter = ["state"]
    list_select_related = ["workspace", "workflow"]
    search_fields = ["workflow__name"]
    id_fields = ("id", "workflow_id")
    search_help_text = "The ID of a run or a workflow, or part of a workflow's name."
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    actions = ["cancel", "retry"]
    change_form_template = "admin/workflows/workflowrun/change_form.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "id", "workflow_version", "status", "workspace", "started_by", "created_at",
                    "finished_at", "cancel_requested_at", "parent_run", "repeats",
                ]
            },
        ),
        ("Input", {"fields": ["input_text"]}),
    ]  # fmt: skip

    def extra_pages(self) -> list[Any]:
        return [
            ("<uuid:object_id>/cancel/", self.cancel_view, "cancel"),
            ("<uuid:object_id>/retry/", self.retry_view, "retry"),
            ("<uuid:object_id>/rerun/", self.rerun_view, "rerun"),
            ("<uuid:object_id>/decide/", self.decide_view, "decide"),
        ]

    def describe(self, request: HttpRequest, run: Any) -> dict[str, Any]:
        """The run with its steps and buttons."""
        try:
            context = describe_page(run.workspace_id, run.id, request.GET)
        except NotFound:  # it was removed between the queries
            context = {}
        context["cancelling"], context["retrying"] = _CANCEL, _RETRY
        context["may_operate"] = is_allowed(request, Role.OPERATOR, run.workspace_id)
        name = isolated_text(run.workflow.name)
        context["heading"] = f"{name}, run {format_short_id(run.pk)}"
        context["subtitle"] = None
        return context

    @method_decorator(require_POST)
    def cancel_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        text = "The run is being cancelled."
        return self.act_on_row(request, object_id, _call(runs.cancel_run), text, _CANCEL)

    @method_decorator(require_POST)
    def retry_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        text = "The run continues from its failed steps."
        return self.act_on_row(request, object_id, _call(runs.retry_run), text, _RETRY)

    @method_decorator(require_POST)
    def decide_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The buttons of a step that waits for a person."""
        form = DecisionForm(request.POST)
        if not form.is_valid():
            run = self.get_row(request, object_id)
            self.require_operator(request, run.workspace_id)
            text = "; ".join(f"{name}: {errors[0]}" for name, errors in form.errors.items())
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(self.row_url(run.pk))
        decision = form.cleaned_data
        is_approved = decision["decision"] == "approve"

        def act(run: WorkflowRun, actor: Actor) -> None:
            runs.decide_step(
                workspace_id=run.workspace_id,
                run_id=run.id,
                step_key=decision["step"],
                approve=is_approved,
                comment=decision["comment"],
                actor=actor,
            )

        verb = "approved" if is_approved else "rejected"
        text = f"The step {isolated_text(decision['step'])} was {verb}."
        return self.act_on_row(
            request,
            object_id,
            act,
            text,
            decision_question(decision["step"], is_approved=is_approved),
        )

    def rerun_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The form with the input of a new run of the same workflow."""
        run = self.get_row(request, object_id)
        actor = self.require_operator(request, run.workspace_id)
        form = InputForm(request.POST or None, initial={"input": format_json(run.input)})

        def submit() -> str:
            new = runs.execute_workflow(
                workspace_id=run.workspace_id,
                workflow_id=run.workflow_id,
                input=form.cleaned_data["input"],
                actor=actor,
                rerun_of=run.id,
            )
            self.message_user(request, "The run has started.", messages.SUCCESS)
            return self.row_url(new.pk)

        return self.form_page(
            request,
            form,
            submit,
            original=run,
            title=f"Run {isolated_text(run.workflow.name)} again",
            button="Run again",
        )

    @confirmed_action(
        "Cancel",
        button="Cancel",
        warning="Waiting steps are cancelled, and running tasks are asked to stop.",
    )
    def cancel(self, request: HttpRequest, queryset: QuerySet[WorkflowRun]) -> None:
        self._act(request, queryset, runs.cancel_run, "cancelled")

    @confirmed_action(
        "Retry: continue from the failed steps",
        button="Retry",
        warning="Their failed steps, and those that were cancelled with them, run again.",
    )
    def retry(self, request: HttpRequest, queryset: QuerySet[WorkflowRun]) -> None:
        self._act(request, queryset, runs.retry_run, "retried")

    def _act(self, request: HttpRequest, runs: QuerySet[WorkflowRun], verb: Any, done: str) -> None:
        self.act_on_rows(request, runs, _call(verb), done, limit=_MAX_SELECTED)

    @admin.display(description="status")
    def status(self, run: WorkflowRun) -> str:
        return badge(run.state)

    @admin.display(description="steps ended")
    def steps(self, run: WorkflowRun) -> str:
        return f"{run.steps_ended} of {run.steps_total}"

    @admin.display(description="workflow")
    def workflow_version(self, run: WorkflowRun) -> str:
        text = f"{isolated_text(run.workflow.name)}, version {run.version.version}"
        if run.workflow.deleted_at is not None:
            return f"{text} (deleted)"
        url = reverse("admin:workflows_workflow_change", args=[run.workflow_id])
        return format_html('<a href="{}?version={}">{}</a>', url, run.version.version, text)

    @admin.display(description="step of")
    def parent_run(self, run: WorkflowRun) -> str:
        text = f"run {run.parent_run_id}, step {isolated_text(run.parent_step_key)}"
        return link("workflows_workflowrun", run.parent_run_id, text)

    @admin.display(description="repeats")
    def repeats(self, run: WorkflowRun) -> str:
        return link("workflows_workflowrun", run.rerun_of, f"run {run.rerun_of}")

    @admin.display(description="input")
    def input_text(self, run: WorkflowRun) -> str:
        return show_json(run.input)


def _call(verb: Callable[..., Any]) -> Callable[[WorkflowRun, Actor], Any]:
    """A service for one run, as a function of the row and the person."""
    return lambda run, actor: verb(workspace_id=run.workspace_id, run_id=run.id, actor=actor)
