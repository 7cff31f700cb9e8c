"""How the fleet stands, and the number to follow."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from controlplane.core.views import ApiView
from controlplane.workspaces.requests import WorkspaceRequest
from scaling.selectors.status import read_status
from scaling.serializers.status import MetricSerializer, StatusSerializer
from scaling.services.publishing import read_metric
from tasks_app.serializers.problems import problems


class StatusView(ApiView):
    """The status."""

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_status",
        responses={200: StatusSerializer, **problems()},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Workers that are wanted, ready, starting and draining; whether the loop runs; what a
        person ordered; what is wrong; the newest event."""
        return Response(StatusSerializer(read_status()).data)


class MetricView(ApiView):
    """The metric."""

    @extend_schema(
        tags=["auto-scaling"],
        operation_id="scaling_metric",
        responses={200: MetricSerializer, **problems(409)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """How many workers are wanted, for KEDA, an HPA or whatever else acts upon it: 0 when
        nothing waits, runs or is expected; never empty. While no loop runs it is decided anew at
        each call."""
        return Response(MetricSerializer({"value": read_metric()}).data)
