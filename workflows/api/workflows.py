"""Definitions: store, list, show, check, start."""

from typing import Any
from uuid import UUID

from controlplane.core.errors import Invalid, NotFound
from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.workspaces.idempotent_calls import idempotent
from controlplane.workspaces.permissions import WorkspaceRequest
from workflows import authoring, queries, runs
from workflows.api import examples
from workflows.api.runs import find_started
from workflows.definitions import Definition
from workflows.schema.runs import ExecuteIn, RunDetail, RunStarted
from workflows.schema.workflows import (
    Validation,
    Version,
    Workflow,
    WorkflowChange,
    WorkflowFilter,
    WorkflowIn,
    WorkflowSummary,
)

_MAX_DIGITS = 9
_SORTS = {"createdAt": "id", "name": "name"}


def _check_input(request: WorkspaceRequest, body: ExecuteIn, id: UUID) -> None:  # noqa: A002 - the name in the API
    runs.check_execution(workspace_id=request.workspace.id, workflow_id=id, input=body.input)


def _prepare(request: WorkspaceRequest, body: WorkflowIn) -> Definition:
    return authoring.prepare_workflow(body=body.definition, actor=request.actor)


def _find_created(request: WorkspaceRequest, workflow_id: UUID) -> Any:
    return queries.get_version(authoring.get_created(request.workspace.id, workflow_id))


class Workflows(Views):
    """Workflows of the workspace."""

    tag = "workflows"

    @verb(
        "GET",
        "workflows",
        name="workflows_list",
        summary="List workflows",
        query=WorkflowFilter,
        returns=Listed(WorkflowSummary, _SORTS),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest, query: WorkflowFilter) -> Any:
        """Workflows with their newest version's number, newest first."""
        return queries.list_workflows(request.workspace.id, query.search)

    @verb(
        "POST",
        "workflows",
        name="workflows_create",
        summary="Store a workflow",
        body=WorkflowIn,
        examples=examples.DEFINITIONS,
        returns={201: Workflow, 200: Workflow},
        errors=(409, 413, 422),
    )
    @idempotent(_find_created, prepare=_prepare)
    def create(self, request: WorkspaceRequest, body: WorkflowIn, definition: Definition) -> UUID:
        """Store a workflow as version 1; 409 when its name is taken."""
        return authoring.create_workflow(
            workspace_id=request.workspace.id,
            body=body.definition,
            actor=request.actor,
            definition=definition,
        ).id

    @verb(
        "POST",
        "workflows/validate",
        name="workflows_validate",
        summary="Check a definition",
        body=WorkflowChange,
        examples=examples.DEFINITIONS,
        returns=Validation,
        errors=(413, 422),
    )
    def validate(self, request: WorkspaceRequest, body: WorkflowChange) -> Any:
        """Make the checks of a create call without storing anything: cycles, keys, types,
        expressions."""
        return authoring.validate_workflow(workspace_id=request.workspace.id, body=body.definition)

    @verb(
        "GET",
        "workflows/<uuid:id>",
        name="workflows_retrieve",
        summary="Show a workflow",
        parameters=[examples.VERSION],
        returns=Workflow,
        errors=(404, 422),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The workflow with the definition of its newest version, or of another one."""
        workflow = queries.get_workflow(request.workspace.id, id)
        return queries.get_version(workflow, _read_version(request.query_params.get("version")))

    @verb(
        "PUT",
        "workflows/<uuid:id>",
        name="workflows_replace",
        summary="Replace a workflow",
        body=WorkflowChange,
        examples=examples.DEFINITIONS,
        returns=Workflow,
        errors=(404, 409, 413, 422),
    )
    def replace(self, request: WorkspaceRequest, body: WorkflowChange, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Store a new version; none is created if steps and schema are the same. Runs keep their
        version."""
        workflow = authoring.update_workflow(
            workspace_id=request.workspace.id,
            workflow_id=id,
            body=body.definition,
            actor=request.actor,
        )
        return queries.get_version(workflow)

    @verb(
        "DELETE",
        "workflows/<uuid:id>",
        name="workflows_delete",
        summary="Delete a workflow",
        returns=None,
        errors=(404, 409),
    )
    def delete_one(self, request: WorkspaceRequest, id: UUID) -> None:  # noqa: A002 - the name in the API
        """The workflow can no longer be started, and its name becomes free. Its runs are kept, and
        open runs continue. 409 while steps of other workflows run it."""
        authoring.delete_workflow(
            workspace_id=request.workspace.id, workflow_id=id, actor=request.actor
        )

    @verb(
        "GET",
        "workflows/<uuid:id>/versions",
        name="workflows_versions",
        summary="List the versions of a workflow",
        returns=Listed(Version, {"createdAt": "id"}),
        errors=(404, 422),
    )
    def versions(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Numbers, times and authors; `GET /workflows/{id}?version=` has the definition."""
        return queries.list_versions(queries.get_workflow(request.workspace.id, id))

    @verb(
        "POST",
        "workflows/<uuid:id>/execute",
        name="workflows_execute",
        summary="Start a run",
        body=ExecuteIn,
        check=_check_input,
        examples=examples.EXECUTE,
        returns={202: RunStarted, 200: RunStarted},
        errors=(404, 409, 413, 422),
    )
    @idempotent(find_started)
    def execute(self, request: WorkspaceRequest, body: ExecuteIn, id: UUID) -> UUID:  # noqa: A002 - the name in the API
        """Start a run of the newest version; 200 if the idempotency key was used before."""
        return runs.execute_workflow(
            workspace_id=request.workspace.id,
            workflow_id=id,
            input=body.input,
            actor=request.actor,
            rerun_of=body.rerun_of,
        ).id

    @verb(
        "GET",
        "workflows/<uuid:id>/status",
        name="workflows_status",
        summary="Show the newest run of a workflow",
        parameters=[examples.STEPS_AFTER],
        returns=RunDetail,
        errors=(404, 422),
    )
    def status(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The newest run of the workflow with its steps; 404 before its first run."""
        run = queries.get_newest_run(request.workspace.id, id)
        if run is None:
            workflow = queries.get_workflow(request.workspace.id, id)
            raise NotFound(f"The workflow {workflow.name!r} has not run yet.")
        return queries.describe_page(run, steps_after=request.query_params.get("stepsAfter"))


def _read_version(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise Invalid(errors=[{"field": "version", "message": "This must be a whole number."}])
    return int(text)
