"""Runs: list, show, cancel, retry, repeat, decide."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.errors import NotFound
from controlplane.core.views import ListView
from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app.serializers.parsing import one_key
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView
from tasks_app.views.schema import IDEMPOTENCY_KEY
from workflows import queries, runs
from workflows.queries.run_view import StepResult
from workflows.serializers import (
    AllRunsFilterSerializer,
    DecisionSerializer,
    RerunRequestSerializer,
    RunDetailSerializer,
    RunFilterSerializer,
    RunSerializer,
    RunStartedSerializer,
    StepDetailSerializer,
    represent_run,
    represent_step,
)
from workflows.views import schema


def _answer(request: WorkspaceRequest, run_id: UUID) -> Response:
    view = queries.describe_run(queries.get_run(request.workspace.id, run_id))
    return Response(represent_run(view, steps_after=request.query_params.get("stepsAfter")))


class WorkflowRunsView(ListView):
    """Runs of one workflow."""

    @extend_schema(
        tags=["workflow runs"],
        operation_id="workflows_runs_of_one",
        parameters=[schema.STATUS],
        responses={200: RunSerializer(many=True), **problems(404, 422)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The runs of a workflow, newest first, without their steps. Those of a deleted one too."""
        wanted = self.filters(RunFilterSerializer)
        if not queries.list_runs(request.workspace.id, id).exists():
            queries.get_workflow(request.workspace.id, id)
        runs = queries.list_runs(request.workspace.id, id, wanted["status"])
        return self.list_response(runs, RunSerializer)


class RunsView(ListView):
    """Runs of the workspace."""

    @extend_schema(
        tags=["workflow runs"],
        operation_id="workflows_runs_list",
        parameters=[
            schema.STATUS,
            OpenApiParameter("workflowId", OpenApiTypes.UUID, OpenApiParameter.QUERY),
        ],
        responses={200: RunSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """The runs of all workflows, newest first, without their steps."""
        wanted = self.filters(AllRunsFilterSerializer)
        runs = queries.list_runs(request.workspace.id, wanted["workflow_id"], wanted["status"])
        return self.list_response(runs, RunSerializer)


class RunView(FormView):
    """One run."""

    @extend_schema(
        tags=["workflow runs"],
        operation_id="workflows_runs_retrieve",
        parameters=[schema.STEPS_AFTER],
        responses={200: RunDetailSerializer, **problems(404, 422)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The run with its steps."""
        return _answer(request, id)


class RunCancelView(FormView):
    """A stop."""

    @extend_schema(
        tags=["workflow runs"],
        operation_id="workflows_runs_cancel",
        request=None,
        responses={200: RunDetailSerializer, **problems(404, 409)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Cancel what waits at once and ask what runs to stop; 409 when the run has ended."""
        runs.cancel_run(workspace_id=request.workspace.id, run_id=id, actor=request.actor)
        return _answer(request, id)


class RunRetryView(FormView):
    """Another try."""

    @extend_schema(
        tags=["workflow runs"],
        operation_id="workflows_runs_retry",
        request=None,
        responses={200: RunDetailSerializer, **problems(404, 409)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Go on from the steps that failed or were cancelled; what completed is kept."""
        runs.retry_run(workspace_id=request.workspace.id, run_id=id, actor=request.actor)
        return _answer(request, id)


class RunRerunView(FormView):
    """Once more from the start."""

    forms: ClassVar = {"POST": RerunRequestSerializer}

    @extend_schema(
        tags=["workflow runs"],
        operation_id="workflows_runs_rerun",
        parameters=[IDEMPOTENCY_KEY],
        request=RerunRequestSerializer,
        examples=schema.RERUN_EXAMPLES,
        responses={
            202: RunStartedSerializer,
            200: RunStartedSerializer,
            **problems(404, 409, 413, 422),
        },
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """A new run of the newest version, with the input of this run or with another one."""
        asked = self.validated(RerunRequestSerializer)
        old = queries.get_run(request.workspace.id, id)
        run, is_new = runs.execute_workflow(
            workspace_id=request.workspace.id,
            workflow_id=old.workflow_id,
            input=asked.get("input", old.input),
            actor=request.actor,
            rerun_of=old.id,
            key=one_key(request.headers.get("Idempotency-Key"), asked.get("key")),
        )
        return Response(
            RunStartedSerializer(run).data,
            status=status.HTTP_202_ACCEPTED if is_new else status.HTTP_200_OK,
        )


class StepView(FormView):
    """One step of a run."""

    @extend_schema(
        tags=["workflow runs"],
        operation_id="workflows_runs_step",
        responses={200: StepDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID, key: str) -> Response:  # noqa: A002 - the name in the API
        """The step with all of its result, however large."""
        run = queries.get_run(request.workspace.id, id)
        steps = [step for step in queries.describe_run(run).steps if step.key == key]
        if not steps:
            raise NotFound(f"The run has no step {key!r}.")
        result = StepResult(*queries.get_step_result(request.workspace.id, id, key))
        return Response(represent_step(steps[0], result))


class StepApproveView(FormView):
    """Yes."""

    forms: ClassVar = {"POST": DecisionSerializer}
    is_approved: ClassVar = True

    @extend_schema(
        tags=["workflow runs"],
        operation_id="workflows_runs_approve",
        request=DecisionSerializer,
        examples=schema.DECISION_EXAMPLES,
        responses={200: RunDetailSerializer, **problems(404, 409, 422)},
    )
    def post(self, request: WorkspaceRequest, id: UUID, key: str) -> Response:  # noqa: A002 - the name in the API
        """Let an approval step complete; 409 when it does not wait for anybody."""
        return self._decide(request, id, key)

    def _decide(self, request: WorkspaceRequest, run_id: UUID, key: str) -> Response:
        runs.decide_step(
            workspace_id=request.workspace.id,
            run_id=run_id,
            step_key=key,
            approve=self.is_approved,
            comment=self.validated(DecisionSerializer)["comment"],
            actor=request.actor,
        )
        return _answer(request, run_id)


class StepRejectView(StepApproveView):
    """No."""

    is_approved: ClassVar = False

    @extend_schema(
        tags=["workflow runs"],
        operation_id="workflows_runs_reject",
        request=DecisionSerializer,
        examples=schema.DECISION_EXAMPLES,
        responses={200: RunDetailSerializer, **problems(404, 409, 422)},
    )
    def post(self, request: WorkspaceRequest, id: UUID, key: str) -> Response:  # noqa: A002 - the name in the API
        """Let an approval step fail; 409 when it does not wait for anybody."""
        return self._decide(request, id, key)
