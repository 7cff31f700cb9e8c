"""Jobs: what the API calls schedules."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.views import ListView
from controlplane.schedules import editing, queries
from controlplane.schedules.serializers import (
    JobChangeSerializer,
    JobFilterSerializer,
    JobRequestSerializer,
    JobSerializer,
    represent_job,
)
from controlplane.schedules.views import schema
from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app.serializers.parsing import one_key
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView
from tasks_app.views.schema import IDEMPOTENCY_KEY


class JobsView(FormView, ListView):
    """Jobs of the workspace."""

    sort_fields: ClassVar = {"createdAt": "id", "name": "name"}
    forms: ClassVar = {"POST": JobRequestSerializer}

    @extend_schema(
        tags=["cron"],
        operation_id="cron_jobs_list",
        parameters=schema.JOB_FILTERS,
        responses={200: JobSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Jobs with their next time and what came of the last one, newest first."""
        wanted = self.filters(JobFilterSerializer)
        return self.list_response(
            queries.list_schedules(request.workspace.id, **wanted), JobSerializer
        )

    @extend_schema(
        tags=["cron"],
        operation_id="cron_jobs_create",
        parameters=[IDEMPOTENCY_KEY],
        request=JobRequestSerializer,
        examples=schema.JOB_EXAMPLES,
        responses={201: JobSerializer, 200: JobSerializer, **problems(409, 413, 422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Make a job; 409 when its name is taken. The first time is the next one from now on."""
        values = self.validated(
            JobRequestSerializer,
            check=lambda given: editing.check_new_schedule(request.workspace.id, given),
        )
        key = one_key(request.headers.get("Idempotency-Key"), values.pop("idempotency_key", None))
        job, is_new = editing.create_schedule(
            workspace_id=request.workspace.id, values=values, actor=request.actor, key=key
        )
        return Response(
            represent_job(job), status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        )


class JobView(FormView):
    """One job."""

    forms: ClassVar = {"PATCH": JobChangeSerializer}

    @extend_schema(
        tags=["cron"],
        operation_id="cron_jobs_retrieve",
        responses={200: JobSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The job with its next time and what came of the last one."""
        return Response(represent_job(queries.get_schedule(request.workspace.id, id)))

    @extend_schema(
        tags=["cron"],
        operation_id="cron_jobs_change",
        request=JobChangeSerializer,
        responses={200: JobSerializer, **problems(404, 409, 413, 422)},
    )
    def patch(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Change a job, pause it (`enabled: false`) or resume it. A job that is declared in code
        can be paused and resumed only: 409 for the rest."""
        job = editing.update_schedule(
            workspace_id=request.workspace.id,
            schedule_id=id,
            changes=self.validated(JobChangeSerializer),
            actor=request.actor,
        )
        return Response(represent_job(job))

    @extend_schema(
        tags=["cron"],
        operation_id="cron_jobs_delete",
        responses={204: None, **problems(404, 409)},
    )
    def delete(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Remove a job with its executions; tasks and runs that it started stay. 409 for one that
        is declared in code."""
        editing.delete_schedule(
            workspace_id=request.workspace.id, schedule_id=id, actor=request.actor
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
