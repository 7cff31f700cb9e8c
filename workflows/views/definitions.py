"""Definitions: store, list, show, check, start."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.errors import Invalid, NotFound
from controlplane.core.views import ListView
from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app.serializers.parsing import one_key
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView
from tasks_app.views.schema import IDEMPOTENCY_KEY
from workflows import authoring, queries, runs
from workflows.queries.definitions import list_versions
from workflows.serializers import (
    ExecuteRequestSerializer,
    RunDetailSerializer,
    RunStartedSerializer,
    ValidationSerializer,
    VersionSerializer,
    WorkflowChangeSerializer,
    WorkflowRequestSerializer,
    WorkflowSearchSerializer,
    WorkflowSerializer,
    WorkflowSummarySerializer,
    parse_definition_body,
    represent_checked,
    represent_run,
    represent_workflow,
)
from workflows.views import schema

_MAX_DIGITS = 9


class WorkflowsView(FormView, ListView):
    """Workflows of the workspace."""

    sort_fields: ClassVar = {"createdAt": "id", "name": "name"}
    forms: ClassVar = {"POST": WorkflowRequestSerializer}

    @extend_schema(
        tags=["workflows"],
        operation_id="workflows_list",
        parameters=[schema.SEARCH],
        responses={200: WorkflowSummarySerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Workflows with their newest version's number, newest first."""
        wanted = self.filters(WorkflowSearchSerializer)
        found = queries.list_workflows(request.workspace.id, wanted["search"])
        return self.list_response(found, WorkflowSummarySerializer)

    @extend_schema(
        tags=["workflows"],
        operation_id="workflows_create",
        parameters=[IDEMPOTENCY_KEY],
        request=WorkflowRequestSerializer,
        examples=schema.DEFINITION_EXAMPLES,
        responses={201: WorkflowSerializer, 200: WorkflowSerializer, **problems(409, 413, 422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Store a workflow as version 1; 409 when its name is taken."""
        body, key = parse_definition_body(request.data, key=request.headers.get("Idempotency-Key"))
        workflow, is_new = authoring.create_workflow(
            workspace_id=request.workspace.id, body=body, actor=request.actor, key=key
        )
        return Response(
            represent_workflow(workflow, queries.get_version(workflow)),
            status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
        )


class WorkflowValidateView(FormView):
    """A check."""

    forms: ClassVar = {"POST": WorkflowChangeSerializer}

    @extend_schema(
        tags=["workflows"],
        operation_id="workflows_validate",
        request=WorkflowChangeSerializer,
        examples=schema.DEFINITION_EXAMPLES,
        responses={200: ValidationSerializer, **problems(413, 422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """The checks that storing makes, and nothing stored: cycles, keys, types, expressions."""
        body, _ = parse_definition_body(request.data)
        definition = authoring.validate_workflow(workspace_id=request.workspace.id, body=body)
        return Response(represent_checked(definition))


class WorkflowView(FormView):
    """One workflow."""

    forms: ClassVar = {"PUT": WorkflowChangeSerializer}

    @extend_schema(
        tags=["workflows"],
        operation_id="workflows_retrieve",
        parameters=[schema.VERSION],
        responses={200: WorkflowSerializer, **problems(404, 422)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The workflow with the definition of its newest version, or of the one asked for."""
        workflow = queries.get_workflow(request.workspace.id, id)
        number = _version_of(request.query_params.get("version"))
        return Response(represent_workflow(workflow, queries.get_version(workflow, number)))

    @extend_schema(
        tags=["workflows"],
        operation_id="workflows_replace",
        request=WorkflowChangeSerializer,
        examples=schema.DEFINITION_EXAMPLES,
        responses={200: WorkflowSerializer, **problems(404, 409, 413, 422)},
    )
    def put(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Store another version; the same steps and schema make none. Runs keep theirs."""
        body, _ = parse_definition_body(request.data)
        workflow = authoring.update_workflow(
            workspace_id=request.workspace.id, workflow_id=id, body=body, actor=request.actor
        )
        return Response(represent_workflow(workflow, queries.get_version(workflow)))

    @extend_schema(
        tags=["workflows"],
        operation_id="workflows_delete",
        responses={204: None, **problems(404, 409)},
    )
    def delete(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Nothing starts it any more and its name is free. Its runs stay, those under way go on.
        409 while steps of other workflows run it."""
        authoring.delete_workflow(
            workspace_id=request.workspace.id, workflow_id=id, actor=request.actor
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class WorkflowVersionsView(ListView):
    """The versions of a workflow."""

    sort_fields: ClassVar = {"createdAt": "id"}

    @extend_schema(
        tags=["workflows"],
        operation_id="workflows_versions",
        responses={200: VersionSerializer(many=True), **problems(404, 422)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Numbers, times and makers; `GET /workflows/{id}?version=` has the definition."""
        workflow = queries.get_workflow(request.workspace.id, id)
        return self.list_response(list_versions(workflow), VersionSerializer)


class WorkflowExecuteView(FormView):
    """A start."""

    forms: ClassVar = {"POST": ExecuteRequestSerializer}

    @extend_schema(
        tags=["workflows"],
        operation_id="workflows_execute",
        parameters=[IDEMPOTENCY_KEY],
        request=ExecuteRequestSerializer,
        examples=schema.EXECUTE_EXAMPLES,
        responses={
            202: RunStartedSerializer,
            200: RunStartedSerializer,
            **problems(404, 409, 413, 422),
        },
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Start a run of the newest version; 200 when the idempotency key was used before."""
        asked = self.validated(
            ExecuteRequestSerializer,
            check=lambda given: runs.check_execution(
                workspace_id=request.workspace.id, workflow_id=id, input=given.get("input", {})
            ),
        )
        run, is_new = runs.execute_workflow(
            workspace_id=request.workspace.id,
            workflow_id=id,
            input=asked.get("input", {}),
            actor=request.actor,
            rerun_of=asked.get("rerun_of"),
            key=one_key(request.headers.get("Idempotency-Key"), asked.get("key")),
        )
        return Response(
            RunStartedSerializer(run).data,
            status=status.HTTP_202_ACCEPTED if is_new else status.HTTP_200_OK,
        )


class WorkflowStatusView(FormView):
    """The newest run."""

    @extend_schema(
        tags=["workflows"],
        operation_id="workflows_status",
        parameters=[schema.STEPS_AFTER],
        responses={200: RunDetailSerializer, **problems(404, 422)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The newest run of the workflow with its steps; 404 when it has not run yet."""
        run = queries.get_newest_run(request.workspace.id, id)
        if run is None:
            workflow = queries.get_workflow(request.workspace.id, id)
            raise NotFound(f"The workflow {workflow.name!r} has not run yet.")
        view = queries.describe_run(run)
        return Response(represent_run(view, steps_after=request.query_params.get("stepsAfter")))


def _version_of(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise Invalid(errors=[{"field": "version", "message": "A whole number is needed."}])
    return int(text)
