"""The lists of workflow runs and definitions, and the views of them that are shipped."""

from controlplane.workspaces.lists import SavableList, ShippedView, choice, register, search
from workflows.states import RunState

RUNS = SavableList(
    "workflow-runs",
    "Workflow runs",
    path="admin/workflows/workflowrun/",
    api="workflows/runs",
    filters=(
        choice("status", "State", RunState.values, page="state__exact"),
        search(api=None),
    ),
    shipped=(
        ShippedView("failed", "Failed", "Runs that failed.", {"status": "FAILED"}),
        ShippedView("running", "Running", "Runs that have not ended.", {"status": "RUNNING"}),
    ),
    is_by_workspace=False,
)
WORKFLOWS = SavableList(
    "workflows",
    "Workflows",
    path="admin/workflows/workflow/",
    api="workflows",
    filters=(search(),),
    is_by_workspace=False,
)
register(RUNS, WORKFLOWS)
