"""Counts requests, for /metrics."""

import threading
import time
from typing import Any

import prometheus_client
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram

from controlplane.core.http.middleware import PlainMiddleware
from controlplane.core.process_state import register_reset
from controlplane.core.requests import register_observer

OTHER = "other"
# Pairs of method and route that have series of their own; the rest are together under OTHER.
MAX_ROUTES = 150
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
# One label for many pages.
_GROUPS = ("admin/", "static/")

# A second series for each of the others, with the time at which it was made.
prometheus_client.disable_created_metrics()

REQUESTS = Counter(
    "taskplane_http_requests",
    "Requests by method, route and status.",
    ["method", "route", "status"],
)
SECONDS = Histogram(
    "taskplane_http_request_seconds",
    "Time to the response, by method and route.",
    ["method", "route"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2.5, 10),
)


class BoundedPairs:
    """The first `limit` pairs are kept; every later one becomes OTHER."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def bound(self, method: str, route: str) -> tuple[str, str]:
        pair = (method, route)
        if pair in self._known:
            return pair
        with self._lock:
            if len(self._known) >= self._limit:
                return OTHER, OTHER
            self._known.add(pair)
        return pair

    def clear(self) -> None:
        with self._lock:
            self._known.clear()


_pairs = BoundedPairs(MAX_ROUTES)
register_reset(_pairs.clear)


def labels_of(request: HttpRequest) -> tuple[str, str]:
    """Method and route as labels. A method that the route does not have is OTHER, since anybody
    can send every method to every route."""
    match, method = request.resolver_match, request.method or ""
    if method not in _METHODS or (match is not None and not _takes(match.func, method.lower())):
        method = OTHER
    route = match.route if match else "none"
    return method, next((group for group in _GROUPS if route.startswith(group)), route)


def _takes(callback: Any, method: str) -> bool:
    """Whether a route has a method: a view set has a verb for it, a view lists its methods, and a
    function accepts all."""
    verbs = getattr(callback, "actions", None)
    if verbs is not None:
        return method in verbs
    view = getattr(callback, "cls", getattr(callback, "view_class", None))
    return view is None or hasattr(view, method)


def record_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request."""
    method, route = _pairs.bound(method, route)
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(method, route).observe(seconds)


register_observer(record_request)


class RequestMetricsMiddleware(PlainMiddleware):
    """Records one count and one time per request. Outermost, so that it sees every response. It
    uses the route, not the path: a label must not have as many values as there are tasks.
    """

    def before(self, request: HttpRequest) -> None:
        request.began_at = time.perf_counter()  # type: ignore[attr-defined] # our own attribute

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        seconds = time.perf_counter() - request.began_at  # type: ignore[attr-defined] # ours
        record_request(*labels_of(request), response.status_code, seconds)
        return response
