"""The pages of workflows."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.core.admin.display import (
    Section,
    Table,
    badge,
    link,
    show_json,
    show_time,
    time_column,
)
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.errors import DomainError
from controlplane.core.formatting import format_elapsed, format_json, format_short_id
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.adminaccess import is_allowed
from controlplane.workspaces.adminpages import WorkspacePages
from controlplane.workspaces.states import Role
from workflows import queries, runs
from workflows.admin.graph import draw
from workflows.admin.runpage import InputForm, sample_input
from workflows.definitions import load_definition
from workflows.models import Workflow, WorkflowVersion
from workflows.queries.definitions import (
    MAX_COUNTED,
    RunsOverview,
    get_runs_overviews,
    list_versions,
)

_MAX_STEPS = 200
_MAX_VERSIONS = 20
_MAX_RUNS = 10


@admin.register(Workflow)
class WorkflowAdmin(WorkspacePages, ReadOnlyAdmin):
    """Workflows with their steps, versions and newest runs, and a form that starts one."""

    exported = "workflows"
    list_display = [
        "name",
        "version",
        "workspace",
        "runs",
        "last_run",
        "last_run_at",
        time_column("updated_at"),
    ]
    list_select_related = ["workspace"]
    search_fields = ["name"]
    id_fields = ("id",)
    search_help_text = "An ID, or part of a name."
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = ["name"]
    fields = ["name", "description", "workspace", "version", "created_by", "created_at"]
    change_form_template = "admin/workflows/workflow/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workflow]:
        return super().get_queryset(request).filter(deleted_at__isnull=True)

    def load_page(self, rows: Sequence[Any]) -> None:
        """One query reads the runs of all workflows."""
        overviews = get_runs_overviews([workflow.pk for workflow in rows])
        for workflow in rows:
            workflow.overview = overviews.get(workflow.pk, RunsOverview())

    def extra_pages(self) -> list[Any]:
        return [("<uuid:object_id>/execute/", self.execute_view, "execute")]

    def describe(self, request: HttpRequest, workflow: Any) -> dict[str, Any]:
        """The workflow with its newest version, or the version in `?version=`."""
        context = _describe(workflow, request.GET.get("version", ""))
        context["may_operate"] = is_allowed(request, Role.OPERATOR, workflow.workspace_id)
        return context

    def execute_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The form with the input of a new run."""
        workflow = self.get_row(request, object_id)
        actor = self.require_operator(request, workflow.workspace_id)
        version = queries.get_version(workflow)
        schema = version.definition.get("inputSchema")
        form = InputForm(request.POST or None, initial={"input": format_json(sample_input(schema))})

        def submit() -> str:
            run = runs.execute_workflow(
                workspace_id=workflow.workspace_id,
                workflow_id=workflow.id,
                input=form.cleaned_data["input"],
                actor=actor,
            )
            self.message_user(request, "The run has started.", messages.SUCCESS)
            return reverse("admin:workflows_workflowrun_change", args=[run.id])

        return self.form_page(
            request,
            form,
            submit,
            original=workflow,
            title=f"Execute {isolated_text(workflow.name)}",
            button="Execute",
            sections=[Section("Schema of the input", show_json(schema))] if schema else [],
        )

    @admin.display(description="runs")
    def runs(self, workflow: Any) -> str:
        total = workflow.overview.total
        return f"{MAX_COUNTED}+" if total > MAX_COUNTED else str(total)

    @admin.display(description="last run")
    def last_run(self, workflow: Any) -> str:
        newest = workflow.overview
        state = badge(newest.newest_state)
        return link("workflows_workflowrun", newest.newest_id, state)

    @admin.display(description="last run started")
    def last_run_at(self, workflow: Any) -> str:
        return show_time(workflow.overview.newest_at)


def _describe(workflow: Workflow, asked: str) -> dict[str, Any]:
    """The context of the template; `asked` is the number of a version."""
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
    try:
        version = queries.get_version(workflow, number)
    except DomainError:  # a number from an old link
        version = queries.get_version(workflow)
    return {
        "shown": version,
        **_describe_steps(version),
        "schema_text": format_json(version.definition.get("inputSchema")),
        "definition_text": format_json(version.definition),
        "more_sections": [_runs_table(workflow), _versions_table(workflow, version)],
    }


def _runs_table(workflow: Workflow) -> Table:
    newest = queries.list_runs(workflow.workspace_id, workflow.id)[:_MAX_RUNS]
    return Table(
        "Newest runs",
        ["Run", "Status", "Version", "Steps ended", "Started by", "Started", "Run time"],
        [
            [
                link("workflows_workflowrun", run.pk, format_short_id(run.pk)),
                badge(run.state),
                run.version.version,
                f"{run.steps_ended} of {run.steps_total}",
                run.started_by,
                show_time(run.created_at),
                format_elapsed(run.created_at, run.finished_at),
            ]
            for run in newest
        ],
        empty="No runs yet.",
    )


def _versions_table(workflow: Workflow, shown: WorkflowVersion) -> Table:
    versions = list(list_versions(workflow)[: _MAX_VERSIONS + 1])
    older = f"Older versions: GET /workflows/{workflow.pk}/versions"
    return Table(
        "Versions",
        ["Version", "Created", "Created by"],
        [
            [
                format_html(
                    '<a href="?version={}"{}>{}</a>',
                    each.version,
                    SafeString(' aria-current="true"') if each.version == shown.version else "",
                    each.version,
                ),
                show_time(each.created_at),
                each.created_by,
            ]
            for each in versions[:_MAX_VERSIONS]
        ],
        note=older if len(versions) > _MAX_VERSIONS else "",
    )


def _describe_steps(version: WorkflowVersion) -> dict[str, Any]:
    steps = load_definition(version).steps
    graph = draw(steps)
    boxes = [(node, steps[node.number], False) for node in graph.nodes] if graph else []
    return {
        "steps": list(enumerate(steps[:_MAX_STEPS])),
        "steps_total": len(steps),
        "graph": graph,
        "boxes": boxes,
    }
