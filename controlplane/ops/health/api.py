"""The health endpoints, which are public, and the metrics, which are not."""

from typing import Any

import prometheus_client
from django.http import HttpResponse
from django_prometheus.exports import ExportToDjangoView
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.http.verbs import Views, verb
from controlplane.ops.health import queries
from controlplane.ops.health.detailed import read_detailed
from controlplane.ops.health.exposition import expose
from controlplane.ops.health.schema import DetailedHealth, Health, Liveness
from controlplane.ops.health.scraping import MetricsTokenAuthentication
from controlplane.workspaces.authentication import ApiKeyAuthentication, SessionAuthentication
from controlplane.workspaces.permissions import WorkspaceRequest

_REPORT = {
    200: Health,
    503: OpenApiResponse(Health, description="The database is unreachable, or not migrated."),
}


def _report() -> Response:
    report = queries.read_health()
    is_down = report["status"] == queries.DOWN
    return Response(report, status.HTTP_503_SERVICE_UNAVAILABLE if is_down else None)


class Probes(Views):
    """For probes, which have no identity and must work without the database."""

    tag = "system"
    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    @verb(
        "GET",
        "health",
        name="health_retrieve",
        summary="Show whether the system is healthy",
        returns=Health,
        responses=_REPORT,
        public=True,
    )
    def health(self, request: Request) -> Response:
        """Whether the database and Redis answer, and how fast."""
        return _report()

    @verb(
        "GET",
        "health/ready",
        name="health_ready_retrieve",
        summary="Show whether requests should be sent here",
        returns=Health,
        responses=_REPORT,
        public=True,
    )
    def ready(self, request: Request) -> Response:
        """Without Redis it is still ready: tasks are rows, and work starts when Redis is back."""
        return _report()

    @verb(
        "GET",
        "health/live",
        name="health_live_retrieve",
        summary="Show whether the process is alive",
        returns=Liveness,
        public=True,
    )
    def live(self, request: Request) -> Response:
        """It responds, so it is alive; an unavailable database is no reason to restart it."""
        return Response({"status": queries.OK})


class _AnyAccept(BaseContentNegotiation):
    """Prometheus requests its own formats; there is one."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class Metrics(Views):
    """Metrics of this process, of the fleet, and of the caller's workspace."""

    tag = "system"
    authentication_classes = [
        MetricsTokenAuthentication,
        ApiKeyAuthentication,
        SessionAuthentication,
    ]
    content_negotiation_class = _AnyAccept
    renderer_classes = [JSONRenderer]  # of errors

    @verb(
        "GET",
        "metrics",
        name="metrics_retrieve",
        summary="Show metrics for Prometheus",
        returns=None,
        responses={(200, prometheus_client.CONTENT_TYPE_LATEST): OpenApiTypes.STR},
    )
    def metrics(self, request: WorkspaceRequest) -> HttpResponse:
        """In the text format of Prometheus. With METRICS_TOKEN, without the metrics of a
        workspace."""
        response: HttpResponse = ExportToDjangoView(request)
        workspace = getattr(request, "workspace", None)
        own = expose(None if workspace is None else workspace.id)
        response.content = response.content + own
        return response


class Detailed(Views):
    """The state of each component."""

    tag = "system"

    @verb(
        "GET",
        "health/detailed",
        name="health_detailed",
        summary="Show the health of each component",
        returns=DetailedHealth,
    )
    def detailed(self, request: WorkspaceRequest) -> Response:
        """Database, Redis, dispatcher, workers, schedules and autoscaler, each checked within 1.5
        seconds."""
        return Response(read_detailed())
