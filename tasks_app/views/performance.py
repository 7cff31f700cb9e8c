"""How the workspace does, over a window."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from controlplane.core.views import ApiView
from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app.filters import read_internal
from tasks_app.selectors.performance import get_performance
from tasks_app.selectors.queue_health import list_queue_health
from tasks_app.serializers.performance import (
    PerformanceQuerySerializer,
    PerformanceSerializer,
    represent_performance,
)
from tasks_app.serializers.problems import problems
from tasks_app.serializers.queue_health import QueueHealthSerializer, represent_queue_health
from tasks_app.views import schema


class PerformanceView(ApiView):
    """Throughput, times and rates."""

    @extend_schema(
        tags=["system"],
        operation_id="system_performance_summary",
        parameters=[
            OpenApiParameter(
                "window", str, description="A number and m, h or d, from 5m to 30d; 1h without it."
            ),
            schema.INTERNAL,
        ],
        responses={200: PerformanceSerializer, **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Throughput, percentiles and rates of a window, in all, by type, by queue and in steps."""
        given = {n: text for n, text in request.query_params.items() if n != "format"}
        asked = PerformanceQuerySerializer(data=given)
        asked.is_valid(raise_exception=True)
        found = get_performance(
            request.workspace.id,
            asked.validated_data["window"],
            with_internal=asked.validated_data["internal"],
        )
        return Response(represent_performance(found))


class QueueHealthView(ApiView):
    """What the queues hold."""

    @extend_schema(
        tags=["system"],
        operation_id="health_queue",
        parameters=[schema.INTERNAL],
        responses={200: QueueHealthSerializer, **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Tasks by state, and the attempts of the last day, in all and by queue."""
        with_internal = read_internal(request.query_params)
        found = list_queue_health(request.workspace.id, with_internal=with_internal)
        return Response(represent_queue_health(found))
