"""Counts requests, for /metrics."""

import time

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram

from controlplane.core.middleware import PlainMiddleware

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter(
    "taskplane_http_requests",
    "Requests by method, route and status.",
    ["method", "route", "status"],
)
SECONDS = Histogram(
    "taskplane_http_request_seconds",
    "Time to the answer, by method and route.",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class RequestMetricsMiddleware(PlainMiddleware):
    """One count and one time per request. Outermost, so that it sees every answer.

    The route, not the path: a label must not have as many values as there are tasks.
    """

    def before(self, request: HttpRequest) -> None:
        """Begin to measure."""
        request.began_at = time.perf_counter()  # type: ignore[attr-defined] # our own attribute

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Count it."""
        seconds = time.perf_counter() - request.began_at  # type: ignore[attr-defined] # ours
        method = request.method if request.method in _METHODS else "other"
        match = request.resolver_match
        route = match.route if match else "none"
        REQUESTS.labels(method, route, response.status_code).inc()
        SECONDS.labels(method, route).observe(seconds)
        return response
