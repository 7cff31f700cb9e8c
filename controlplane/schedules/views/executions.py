"""Executions: what the API calls firings."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.views import ApiView, ListView
from controlplane.schedules import queries, triggering
from controlplane.schedules.serializers import ExecutionFilterSerializer, ExecutionSerializer
from controlplane.schedules.views import schema
from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app.serializers.problems import problems
from tasks_app.views.schema import IDEMPOTENCY_KEY


class ExecutionsView(ListView):
    """Executions of a job."""

    sort_fields: ClassVar = {"scheduledFor": "scheduled_for", "createdAt": "id"}
    default_sort = "-scheduledFor"

    @extend_schema(
        tags=["cron"],
        operation_id="cron_executions_list",
        parameters=schema.EXECUTION_FILTERS,
        responses={200: ExecutionSerializer(many=True), **problems(404, 422)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """What was decided about each nominal time, and what came of it; newest first."""
        wanted = self.filters(ExecutionFilterSerializer)
        firings = queries.list_firings(
            request.workspace.id, id, states=wanted["status"], kinds=wanted["kind"]
        )
        return self.list_response(firings, ExecutionSerializer)


class TriggerView(ApiView):
    """Now."""

    @extend_schema(
        tags=["cron"],
        operation_id="cron_jobs_trigger",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: ExecutionSerializer, 200: ExecutionSerializer, **problems(404, 409, 422)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Run it now, also while it is paused, and whatever its overlap rule says."""
        firing, is_new = triggering.trigger_once(
            workspace_id=request.workspace.id,
            schedule_id=id,
            actor=request.actor,
            key=request.headers.get("Idempotency-Key"),
        )
        return Response(
            ExecutionSerializer(firing).data,
            status=status.HTTP_202_ACCEPTED if is_new else status.HTTP_200_OK,
        )
