"""The health addresses, open to everybody, and the metrics, which are not."""

from typing import Any

import prometheus_client
from django.http import HttpResponse
from django_prometheus.exports import ExportToDjangoView
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.views import ApiView
from controlplane.health import selectors
from controlplane.health.detailed import read_detailed
from controlplane.health.exposition import expose
from controlplane.health.scraping import MetricsTokenAuthentication
from controlplane.health.serializers import (
    DetailedHealthSerializer,
    HealthSerializer,
    LivenessSerializer,
)
from controlplane.workspaces.authentication import ApiKeyAuthentication, SessionAuthentication
from controlplane.workspaces.requests import WorkspaceRequest

_REPORT = {
    200: HealthSerializer,
    503: OpenApiResponse(HealthSerializer, description="The database is away."),
}


class _OpenView(ApiView):
    """For probes, which have no identity and must not need a database to be let in."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []


class HealthView(_OpenView):
    """The state of the system."""

    @extend_schema(tags=["system"], auth=[], responses=_REPORT)
    def get(self, request: Request) -> Response:
        """Whether the database and Redis answer, and how fast."""
        report = selectors.read_health()
        is_down = report["status"] == selectors.DOWN
        return Response(report, status.HTTP_503_SERVICE_UNAVAILABLE if is_down else None)


class ReadinessView(HealthView):
    """Whether requests should be sent here."""

    @extend_schema(tags=["system"], auth=[], responses=_REPORT)
    def get(self, request: Request) -> Response:
        """Without Redis it is still ready: rows are the truth, work starts when Redis is back."""
        return super().get(request)


class LivenessView(_OpenView):
    """Whether the process lives; a database that is away is no reason to restart it."""

    @extend_schema(tags=["system"], auth=[], responses=LivenessSerializer)
    def get(self, request: Request) -> Response:
        """It answers, so it lives."""
        return Response({"status": selectors.OK})


class _AnyAccept(BaseContentNegotiation):
    """Prometheus asks for formats of its own; there is one."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class MetricsView(ApiView):
    """Metrics of this process, of the fleet, and of the caller's workspace."""

    authentication_classes = [
        MetricsTokenAuthentication,
        ApiKeyAuthentication,
        SessionAuthentication,
    ]
    content_negotiation_class = _AnyAccept
    renderer_classes = [JSONRenderer]  # of errors

    @extend_schema(
        tags=["system"],
        responses={(200, prometheus_client.CONTENT_TYPE_LATEST): OpenApiTypes.STR},
    )
    def get(self, request: WorkspaceRequest) -> HttpResponse:
        """In the text format of Prometheus. With METRICS_TOKEN, without those of a workspace."""
        response: HttpResponse = ExportToDjangoView(request)
        workspace = getattr(request, "workspace", None)
        own = expose(None if workspace is None else workspace.id)
        response.content = response.content + own
        return response


class DetailedHealthView(ApiView):
    """The state of each component."""

    @extend_schema(
        tags=["system"], operation_id="health_detailed", responses=DetailedHealthSerializer
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Database, Redis, dispatcher, workers, schedules and autoscaler, each checked within 1.5
        seconds."""
        return Response(read_detailed())
