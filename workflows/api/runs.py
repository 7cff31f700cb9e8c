"""Runs: list, show, cancel, retry, rerun, decide."""

from typing import Any
from uuid import UUID

from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.workspaces.idempotent_calls import idempotent
from controlplane.workspaces.permissions import WorkspaceRequest
from workflows import queries, runs
from workflows.api import examples
from workflows.schema.runs import (
    Decision,
    RerunIn,
    Run,
    RunDetail,
    RunFilter,
    RunStarted,
    StepDetail,
    WorkflowRunFilter,
)


def _page(request: WorkspaceRequest, run_id: UUID) -> Any:
    run = queries.get_run(request.workspace.id, run_id)
    return queries.describe_page(run, steps_after=request.query_params.get("stepsAfter"))


def _decide(
    request: WorkspaceRequest, body: Decision, run_id: UUID, key: str, *, approve: bool
) -> Any:
    runs.decide_step(
        workspace_id=request.workspace.id,
        run_id=run_id,
        step_key=key,
        approve=approve,
        comment=body.comment,
        actor=request.actor,
    )
    return _page(request, run_id)


def find_started(request: WorkspaceRequest, run_id: UUID, **_path: Any) -> Any:
    """The run that this call, or the first one under its idempotency key, started."""
    return runs.get_started(request.workspace.id, run_id, actor=request.actor)


class Runs(Views):
    """Runs of the workspace."""

    tag = "workflow runs"

    @verb(
        "GET",
        "workflows/runs",
        name="workflows_runs_list",
        summary="List runs",
        query=RunFilter,
        returns=Listed(Run, {"createdAt": "id"}),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest, query: RunFilter) -> Any:
        """The runs of all workflows, newest first, without their steps."""
        workflow_id = next(iter(query.workflow_ids), None)
        found = queries.list_runs(request.workspace.id, workflow_id, query.statuses)
        return self.page(found, queries.describe_rows)

    @verb(
        "GET",
        "workflows/<uuid:id>/runs",
        name="workflows_runs_of_one",
        summary="List the runs of a workflow",
        query=WorkflowRunFilter,
        returns=Listed(Run, {"createdAt": "id"}),
        errors=(404, 422),
    )
    def of_workflow(self, request: WorkspaceRequest, query: WorkflowRunFilter, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The runs of a workflow, newest first, without their steps; also for a deleted
        workflow."""
        if not queries.list_runs(request.workspace.id, id).exists():
            queries.get_workflow(request.workspace.id, id)
        found = queries.list_runs(request.workspace.id, id, query.statuses)
        return self.page(found, queries.describe_rows)

    @verb(
        "GET",
        "workflows/runs/<uuid:id>",
        name="workflows_runs_retrieve",
        summary="Show a run",
        parameters=[examples.STEPS_AFTER],
        returns=RunDetail,
        errors=(404, 422),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The run with its steps."""
        return _page(request, id)

    @verb(
        "POST",
        "workflows/runs/<uuid:id>/cancel",
        name="workflows_runs_cancel",
        summary="Cancel a run",
        returns=RunDetail,
        errors=(404, 409),
    )
    def cancel(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Cancel waiting tasks at once and ask running tasks to stop; 409 if the run has ended."""
        runs.cancel_run(workspace_id=request.workspace.id, run_id=id, actor=request.actor)
        return _page(request, id)

    @verb(
        "POST",
        "workflows/runs/<uuid:id>/retry",
        name="workflows_runs_retry",
        summary="Retry a run",
        returns=RunDetail,
        errors=(404, 409),
    )
    def retry(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Continue from the steps that failed or were cancelled; completed work is kept."""
        runs.retry_run(workspace_id=request.workspace.id, run_id=id, actor=request.actor)
        return _page(request, id)

    @verb(
        "POST",
        "workflows/runs/<uuid:id>/rerun",
        name="workflows_runs_rerun",
        summary="Start a run again from the beginning",
        body=RerunIn,
        examples=examples.RERUN,
        returns={202: RunStarted, 200: RunStarted},
        errors=(404, 409, 413, 422),
    )
    @idempotent(find_started)
    def rerun(self, request: WorkspaceRequest, body: RerunIn, id: UUID) -> UUID:  # noqa: A002 - the name in the API
        """Start a new run of the newest version, with the input of this run or with another one."""
        old = queries.get_run(request.workspace.id, id)
        return runs.execute_workflow(
            workspace_id=request.workspace.id,
            workflow_id=old.workflow_id,
            input=body.input if "input" in body.model_fields_set else old.input,
            actor=request.actor,
            rerun_of=old.id,
        ).id

    @verb(
        "GET",
        "workflows/runs/<uuid:id>/steps/<str:key>",
        name="workflows_runs_step",
        summary="Show a step of a run",
        returns=StepDetail,
        errors=(404,),
    )
    def step(self, request: WorkspaceRequest, id: UUID, key: str) -> Any:  # noqa: A002 - the name in the API
        """The step with its whole result of any size."""
        return queries.describe_step(queries.get_run(request.workspace.id, id), key)

    @verb(
        "POST",
        "workflows/runs/<uuid:id>/steps/<str:key>/approve",
        name="workflows_runs_approve",
        summary="Approve a step",
        body=Decision,
        examples=examples.DECISION,
        returns=RunDetail,
        errors=(404, 409, 422),
    )
    def approve(self, request: WorkspaceRequest, body: Decision, id: UUID, key: str) -> Any:  # noqa: A002 - the name in the API
        """Complete an approval step; 409 if it is not waiting for a decision."""
        return _decide(request, body, id, key, approve=True)

    @verb(
        "POST",
        "workflows/runs/<uuid:id>/steps/<str:key>/reject",
        name="workflows_runs_reject",
        summary="Reject a step",
        body=Decision,
        examples=examples.DECISION,
        returns=RunDetail,
        errors=(404, 409, 422),
    )
    def reject(self, request: WorkspaceRequest, body: Decision, id: UUID, key: str) -> Any:  # noqa: A002 - the name in the API
        """Fail an approval step; 409 if it is not waiting for a decision."""
        return _decide(request, body, id, key, approve=False)
