"""A problem as an HTTP response, before Django has seen the request."""

from collections.abc import Iterable
from http import HTTPStatus

import orjson

from controlplane.core.http.problemdetails import MEDIA_TYPE, Problem
from controlplane.core.ids import uuid7

Headers = list[tuple[bytes, bytes]]


def render(problem: Problem) -> tuple[Headers, bytes]:
    """Headers and body, with a request id of its own. The connection ends with it, since the rest
    of the request's body is not read."""
    request_id = str(uuid7())
    body = orjson.dumps({**problem.body(), "requestId": request_id})
    headers = {
        **problem.headers,
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        "x-request-id": request_id,
        "connection": "close",
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()], body


def serialize(problem: Problem) -> bytes:
    """The whole response as HTTP/1.1 puts it on the wire."""
    headers, body = render(problem)
    status = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}".encode()
    return b"\r\n".join([status, *_lines(headers)]) + b"\r\n\r\n" + body


def too_large(limit: int) -> Problem:
    """413 for a body."""
    return Problem(
        413,
        f"The body has more than {limit} bytes, which is the limit.",
        title="Too large",
        type="urn:taskplane:problem:too-large",
    )


def _lines(headers: Headers) -> Iterable[bytes]:
    return (name.title() + b": " + value for name, value in headers)
