"""The base of every view of the API, and paths with and without their last slash."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import HttpRequest
from django.urls import URLPattern
from django.urls.resolvers import RoutePattern
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.core.http.ratelimits import RateThrottle

LIST_PARAMETERS = frozenset({"page", "limit", "cursor", "sort", "fields", "format"})


class StreamedRequest(Request):
    """A request whose body may come in chunks, without a Content-Length."""

    def _load_stream(self) -> None:
        super()._load_stream()  # type: ignore[misc] # the stubs leave it out
        is_chunked = "HTTP_TRANSFER_ENCODING" in self.META and not self.META.get("CONTENT_LENGTH")
        if self._stream is None and is_chunked:
            # Without this the REST framework would take it for a request without a body.
            self._stream = self._request


class ApiView(APIView):
    """A view with roles, rate limits, and responses that shared caches do not store.
    `required_roles` maps methods to roles; without an entry, reading needs `viewer` and everything
    else needs `operator`. `resource` is the name in a key's scopes; the default is the first part
    of the path.
    """

    required_roles: ClassVar[Mapping[str, str]] = {}
    resource: ClassVar[str | None] = None
    throttle_classes = [RateThrottle]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        return StreamedRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        done = super().finalize_response(request, response, *args, **kwargs)
        done.headers.setdefault("Cache-Control", "private, no-store")
        return done


class _OptionalSlash(RoutePattern):
    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        return super().match(path.removesuffix("/"))


def optional_slash_path(
    route: str, view: Callable[..., Any], name: str | None = None
) -> URLPattern:
    """Like `django.urls.path`; the route is written without the last slash."""
    return URLPattern(_OptionalSlash(route, name=name, is_endpoint=True), view, name=name)
