"""Responses of the fast path: what Django's middlewares and the REST framework would send."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.log import log_response
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from controlplane.core.http.fastpath.requests import KeyRequest
from controlplane.core.http.fastpath.routes import Route
from controlplane.core.http.messages import Header, Reply
from controlplane.core.http.middleware import REQUEST_ID_HEADER, SecurityHeadersMiddleware
from controlplane.core.http.verbs import Rendered

_JSON = b"application/json"


def make_reply(
    request: KeyRequest,
    route: Route,
    response: Rendered | HttpResponseBase | None,
    *,
    is_https: bool,
) -> Reply:
    status, own, body = _content_of(response)
    if status >= HTTPStatus.BAD_REQUEST and isinstance(response, HttpResponseBase):
        _log(request, response)
    headers = [
        *own,
        *_common_headers(is_https),
        *route.headers,
        (b"content-length", b"%d" % len(body)),
        (REQUEST_ID_HEADER.lower().encode(), request.request_id.encode()),
    ]
    for name, value in request.rate_limit_headers.items():
        headers.append((name.lower().encode(), value.encode()))
    return Reply(status, headers, body)


def _content_of(response: Rendered | HttpResponseBase | None) -> tuple[int, list[Header], bytes]:
    """Status, its own headers and body."""
    if isinstance(response, Rendered):
        own = _encode(response.headers) if response.headers else []
        if response.data is None:
            return response.status, own, b""
        return response.status, [*own, (b"content-type", _JSON)], _to_json(response.data)
    if isinstance(response, Response):
        # Until it is rendered, its type is that of a page.
        own = [header for header in _encode(response.headers) if header[0] != b"content-type"]
        body = b"" if response.data is None else _to_json(response.data)
        kind = (response.content_type or JSONRenderer.media_type).encode()
        return response.status_code, [*own, (b"content-type", kind)], body
    if isinstance(response, HttpResponse):
        return response.status_code, _encode(response.headers), response.content
    raise TypeError("A verb that returns JSON must not stream its response.")


def _log(request: Any, response: Any) -> None:
    """As Django logs what it refuses."""
    log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)


def _encode(headers: Mapping[str, str]) -> list[Header]:
    return [
        (name.lower().encode("ascii"), value.encode("latin1"))
        for name, value in headers.items()
        if name != "Content-Length"
    ]


def _to_json(data: Any) -> bytes:
    try:
        return orjson.dumps(data)
    except TypeError:  # a number of more than 64 bits, or a lazy text
        return JSONRenderer().render(data)


class _BareRequest(HttpRequest):
    def __init__(self, scheme: str) -> None:
        super().__init__()
        self._scheme = scheme

    def _get_scheme(self) -> str:
        return self._scheme


@cache
def _common_headers(is_https: bool) -> tuple[Header, ...]:
    """What the middlewares of every response add, as they add it."""
    request = _BareRequest("https" if is_https else "http")
    response = HttpResponse(content_type="")
    del response.headers["Content-Type"]
    for middleware in (SecurityMiddleware, XFrameOptionsMiddleware):
        response = middleware(lambda _: HttpResponse()).process_response(request, response)
    SecurityHeadersMiddleware(lambda _: HttpResponse()).after(request, response)
    return tuple(_encode(response.headers))
