"""Runs: list, show, cancel, retry, rerun, decide."""

from typing import Any
from uuid import UUID

from controlplane.core.http.verbs import Answer, Listed, Views, verb
from controlplane.workspaces.idempotency import HEADER, resolve_idempotency_key
from controlplane.workspaces.idempotent_calls import KEY_PARAMETER
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
        """Cancel what waits at once and ask what runs to stop; 409 when the run has ended."""
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
        """Go on from the steps that failed or were cancelled; what completed is kept."""
        runs.retry_run(workspace_id=request.workspace.id, run_id=id, actor=request.actor)
        return _page(request, id)

    @verb(
        "POST",
        "workflows/runs/<uuid:id>/rerun",
        name="workflows_runs_rerun",
        summary="Start a run again from the beginning",
        body=RerunIn,
        parameters=[KEY_PARAMETER],
        examples=examples.RERUN,
        returns={202: RunStarted, 200: RunStarted},
        errors=(404, 409, 413, 422),
    )
    def rerun(self, request: WorkspaceRequest, body: RerunIn, id: UUID) -> Answer:  # noqa: A002 - the name in the API
        """A new run of the newest version, with the input of this run or with another one."""
        old = queries.get_run(request.workspace.id, id)
        run, is_new = runs.execute_workflow(
            workspace_id=request.workspace.id,
            workflow_id=old.workflow_id,
            input=body.input if "input" in body.model_fields_set else old.input,
            actor=request.actor,
            rerun_of=old.id,
            key=resolve_idempotency_key(request.headers.get(HEADER), body.idempotency_key),
        )
        return Answer(run, 202 if is_new else 200)

    @verb(
        "GET",
        "workflows/runs/<uuid:id>/steps/<str:key>",
        name="workflows_runs_step",
        summary="Show a step of a run",
        returns=StepDetail,
        errors=(404,),
    )
    def step(self, request: WorkspaceRequest, id: UUID, key: str) -> Any:  # noqa: A002 - the name in the API
        """The step with all of its result, however large."""
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
        """Let an approval step complete; 409 when it awaits no decision."""
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
        """Let an approval step fail; 409 when it awaits no decision."""
        return _decide(request, body, id, key, approve=False)
