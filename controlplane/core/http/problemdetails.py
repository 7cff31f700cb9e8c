"""The body of an error response, and the whole response before Django has seen the request. Needs
neither Django's apps nor the REST framework."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from controlplane.core.errors import FieldError
from controlplane.core.ids import uuid7
from controlplane.core.requests import current_request_id

MEDIA_TYPE = "application/problem+json"
_ERRORS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One error as its client sees it."""

    status: int
    detail: str
    title: str = ""
    type: str = ""
    errors: list[FieldError] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The members of RFC 9457, the request's id, and the errors when there are any."""
        phrase = HTTPStatus(self.status).phrase
        found: dict[str, Any] = {
            "type": self.type or f"urn:taskplane:problem:{phrase.lower().replace(' ', '-')}",
            "title": self.title or phrase.capitalize(),
            "status": self.status,
            "detail": self.detail,
            "requestId": current_request_id(),
        }
        if self.errors:
            found["errors"] = self.errors[:_ERRORS_SHOWN]
        return found


Headers = list[tuple[bytes, bytes]]


def render(problem: Problem) -> tuple[Headers, bytes]:
    """Headers and body, with a new request id. The connection ends with it, since the rest of the
    request's body is not read."""
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
    """The whole response as bytes of HTTP/1.1."""
    headers, body = render(problem)
    status = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}".encode()
    return b"\r\n".join([status, *_lines(headers)]) + b"\r\n\r\n" + body


def too_large(limit: int) -> Problem:
    return Problem(
        413,
        f"The body has more than {limit} bytes, which is the limit.",
        title="Too large",
        type="urn:taskplane:problem:too-large",
    )


def _lines(headers: Headers) -> Iterable[bytes]:
    return (name.title() + b": " + value for name, value in headers)
