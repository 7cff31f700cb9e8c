"""Errors, for the OpenAPI schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from controlplane.core.schema import Resource, shown

_MEANINGS = {
    401: ("Unauthorized", "No identity: send `Authorization: Bearer <api key>`."),
    403: ("Forbidden", "The role or the key's scopes do not allow it."),
    404: ("Not found", "It does not exist, or belongs to another workspace."),
    409: ("Conflict", "The current state does not allow it."),
    413: ("Too large", "More bytes or tasks than one call may carry; the limit is named."),
    422: ("Invalid request", "Values that cannot be accepted, each with its field."),
    429: ("Too many requests", "The rate limit is exceeded; see `Retry-After`."),
    503: ("Unavailable", "The database is unreachable; nothing was written."),
}
_EVERYWHERE = (401, 403, 429, 503)


class FieldError(Resource):
    """One thing that is wrong in a request."""

    field: str = shown("Like `tasks[3].type`.")
    message: str


class Problem(Resource):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldError] = []


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    """The error responses of an operation: these, and what any call may answer."""
    return {
        (status, "application/problem+json"): OpenApiResponse(
            Problem,
            description=_MEANINGS[status][1],
            examples=[OpenApiExample(_MEANINGS[status][0], value=_example(status))],
        )
        for status in sorted({*statuses, *_EVERYWHERE})
    }


def _example(status: int) -> dict[str, Any]:
    title, detail = _MEANINGS[status]
    found: dict[str, Any] = {
        "type": f"urn:taskplane:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "requestId": "019ab1c2-7d3e-7f00-8000-1f2e3d4c5b6a",
    }
    if status == 422:
        found["detail"] = "tasks[3].type: There is no task type 'nop'. Did you mean 'noop'?"
        found["errors"] = [
            {
                "field": "tasks[3].type",
                "message": "There is no task type 'nop'. Did you mean 'noop'?",
            }
        ]
    return found
