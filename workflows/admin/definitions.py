"""The pages of workflows."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from controlplane.core.errors import DomainError
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import may
from controlplane.workspaces.states import Role
from workflows import selectors, services
from workflows.admin.forms import InputForm, pretty, sample_input
from workflows.admin.graph import draw
from workflows.admin.pages import WorkflowPages, as_id, badge
from workflows.definitions import load_definition
from workflows.models import Workflow, WorkflowVersion
from workflows.selectors.overview import (
    MAX_COUNTED,
    RunsOverview,
    get_runs_overviews,
    list_versions,
)

_MOST_STEPS = 200
_MOST_VERSIONS = 20
_MOST_RUNS = 10


class _OverviewList(ChangeList):
    """One query tells of the runs of all the workflows of a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found = get_runs_overviews([workflow.pk for workflow in self.result_list])
        for workflow in self.result_list:
            workflow.overview = found.get(workflow.pk, RunsOverview())


@admin.register(Workflow)
class WorkflowAdmin(WorkflowPages):
    """Workflows with their steps, versions and newest runs, and a form that starts one."""

    list_display = ["name", "version", "workspace", "runs", "last_run", "last_run_at", "updated_at"]
    list_select_related = ["workspace"]
    search_fields = ["name"]
    search_help_text = "An id, or a part of a name."
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = ["name"]
    fields = ["name", "description", "workspace", "version", "created_by", "created_at"]
    change_form_template = "admin/workflows/workflow/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workflow]:
        """Those that are not deleted."""
        return super().get_queryset(request).filter(deleted_at__isnull=True)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _OverviewList

    def get_urls(self) -> list[URLPattern]:
        """With the page that starts a run."""
        own = path(
            "<uuid:object_id>/execute/",
            self.admin_site.admin_view(self.execute_view),
            name="workflows_workflow_execute",
        )
        return [own, *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Workflow], search_term: str
    ) -> tuple[QuerySet[Workflow], bool]:
        """An id is looked up; anything else is searched for."""
        known = as_id(search_term)
        if known:
            return queryset.filter(id=known), False
        return super().get_search_results(request, queryset, search_term)

    def describe(self, request: HttpRequest, workflow: Any) -> dict[str, Any]:
        """The workflow with its newest version, or that of `?version=`."""
        more = _page_of(workflow, request.GET.get("version", ""))
        more["may_operate"] = may(request, workflow.workspace_id, Role.OPERATOR)
        return more

    def execute_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The form of the input."""
        workflow = self.wanted(request, object_id)
        version = selectors.get_version(workflow)
        schema = version.definition.get("inputSchema")
        form = InputForm(request.POST or None, initial={"input": pretty(sample_input(schema))})

        def start(value: Any, actor: Actor) -> tuple[Any, bool]:
            return services.execute_workflow(
                workspace_id=workflow.workspace_id,
                workflow_id=workflow.id,
                input=value,
                actor=actor,
            )

        return self.input_page(
            request,
            form,
            start,
            original=workflow,
            title=f"Execute {workflow.name}",
            button="Execute",
            back=reverse("admin:workflows_workflow_change", args=[workflow.id]),
            schema_text=pretty(schema) if schema else "",
        )

    @admin.display(description="runs")
    def runs(self, workflow: Any) -> str:
        total = workflow.overview.total
        return f"{MAX_COUNTED}+" if total > MAX_COUNTED else str(total)

    @admin.display(description="last run")
    def last_run(self, workflow: Any) -> str:
        newest = workflow.overview
        if newest.newest_id is None:
            return "-"
        address = reverse("admin:workflows_workflowrun_change", args=[newest.newest_id])
        return format_html('<a href="{}">{}</a>', address, badge(newest.newest_state))

    @admin.display(description="last run started")
    def last_run_at(self, workflow: Any) -> Any:
        return workflow.overview.newest_at


def _page_of(workflow: Workflow, asked: str) -> dict[str, Any]:
    """What the template of one workflow shows."""
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
    try:
        version = selectors.get_version(workflow, number)
    except DomainError:  # a number from an old link
        version = selectors.get_version(workflow)
    runs = selectors.list_runs(workflow.workspace_id, workflow.id)
    versions = list(list_versions(workflow)[: _MOST_VERSIONS + 1])
    return {
        "shown": version,
        **_steps_of(version),
        "schema_text": pretty(version.definition.get("inputSchema")),
        "definition_text": pretty(version.definition),
        "versions": versions[:_MOST_VERSIONS],
        "has_more_versions": len(versions) > _MOST_VERSIONS,
        "runs": [(run, badge(run.state)) for run in runs[:_MOST_RUNS]],
    }


def _steps_of(version: WorkflowVersion) -> dict[str, Any]:
    steps = load_definition(version).steps
    graph = draw(steps)
    boxes = [(node, steps[node.number], False) for node in graph.nodes] if graph else []
    return {
        "steps": list(enumerate(steps[:_MOST_STEPS])),
        "steps_total": len(steps),
        "graph": graph,
        "boxes": boxes,
    }
