"""Workflow definitions and runs as files."""

from controlplane.workspaces.exporting import ExportedList, Selected, register
from controlplane.workspaces.exporting.lists import Rows
from workflows import queries
from workflows.schema.runs import Run, RunFilter
from workflows.schema.workflows import WorkflowFilter, WorkflowSummary


def _list_runs(selected: Selected) -> Rows:
    wanted: RunFilter = selected.wanted
    workflow_id = next(iter(wanted.workflow_ids), None)
    return queries.list_runs(selected.workspace_id, workflow_id, wanted.statuses)


RUNS = ExportedList(
    name="workflow-runs",
    noun="workflow run",
    path="workflows/runs/export",
    tag="workflow runs",
    resource="workflows",
    schema=Run,
    filter=RunFilter,
    rows=_list_runs,
    prepare=lambda rows: rows.select_related("workflow", "version").defer("version__definition"),
    describe=queries.describe_rows,
    sized=("input", "error"),
)
WORKFLOWS = ExportedList(
    name="workflows",
    noun="workflow",
    path="workflows/export",
    tag="workflows",
    resource="workflows",
    schema=WorkflowSummary,
    filter=WorkflowFilter,
    rows=lambda selected: queries.list_workflows(selected.workspace_id, selected.wanted.search),
)

register(RUNS, WORKFLOWS)
