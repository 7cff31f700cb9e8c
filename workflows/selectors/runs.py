"""Reads of runs."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from controlplane.core.errors import NotFound
from workflows.models import WorkflowRun


def list_runs(
    workspace_id: UUID, workflow_id: UUID | None = None, statuses: Sequence[str] = ()
) -> QuerySet[WorkflowRun]:
    """Runs of a workspace, newest first, each with its workflow and the number of its version."""
    runs = _runs(workspace_id)
    if workflow_id is not None:
        runs = runs.filter(workflow_id=workflow_id)
    if statuses:
        runs = runs.filter(state__in=list(statuses))
    return runs.order_by("-id")


def get_run(workspace_id: UUID, run_id: UUID) -> WorkflowRun:
    """One run of a workspace. Raises NotFound."""
    run = _runs(workspace_id).filter(id=run_id).first()
    if run is None:
        raise NotFound(f"There is no workflow run {run_id}.")
    return run


def get_newest_run(workspace_id: UUID, workflow_id: UUID) -> WorkflowRun | None:
    """The newest run of a workflow, if it has any."""
    return list_runs(workspace_id, workflow_id).first()


def _runs(workspace_id: UUID) -> QuerySet[WorkflowRun]:
    """The definition, which may be large, is read only by who asks for it."""
    runs = WorkflowRun.objects.filter(workspace_id=workspace_id)
    return runs.select_related("workflow", "version").defer("version__definition")
