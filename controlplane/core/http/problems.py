"""Every error of the HTTP API as RFC 9457 `application/problem+json`."""

import logging
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import psycopg
from django.core import exceptions as django_errors
from django.db import DatabaseError, DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from rest_framework import exceptions as api_errors
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from controlplane.core.errors import (
    DomainError,
    FieldError,
    Invalid,
    TooLarge,
    Unavailable,
    summary,
)
from controlplane.core.http.errorpages import error_page, failure_page
from controlplane.core.http.problemdetails import MEDIA_TYPE, Problem

# Conditions that pass by themselves and that psycopg does not count as operational.
_PASSING = (psycopg.errors.IdleInTransactionSessionTimeout, psycopg.errors.ReadOnlySqlTransaction)
_CONNECTION_ERRORS = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
_SHOWN = 1000  # errors of one answer

logger = logging.getLogger(__name__)


def problem_of(error: BaseException | None) -> Problem | None:
    """The problem for an exception; None if it is an internal error."""
    if isinstance(error, DomainError):
        return _of_domain(error)
    if isinstance(error, api_errors.APIException):
        return _of_api(error)
    if isinstance(error, DatabaseError | psycopg.Error | InterfaceError):
        return _of_database(error)
    return _of_django(error)


def _of_domain(error: DomainError) -> Problem:
    wait = error.retry_after_seconds
    return Problem(
        status=error.status,
        detail=error.detail,
        title=error.title,
        type=error.type,
        errors=error.errors,
        headers={} if wait is None else {"Retry-After": str(wait)},
    )


def _of_api(error: api_errors.APIException) -> Problem:
    if isinstance(error, api_errors.ValidationError):
        return _of_domain(Invalid(errors=flatten(error.detail)))
    detail = summary(flatten(error.detail))
    if isinstance(error, api_errors.NotAuthenticated):
        detail = "Send an API key as `Authorization: Bearer <key>`, or log in."
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    return Problem(status=error.status_code, detail=detail, headers=headers)


def _of_database(error: BaseException) -> Problem | None:
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if isinstance(cause, psycopg.errors.QueryCanceled):
        return _of_domain(Unavailable("The database took too long to answer; ask for less."))
    if isinstance(cause, psycopg.errors.DiskFull):
        return _of_domain(
            Unavailable("The disk of the database is full: nothing was stored. Try again later.")
        )
    if isinstance(error, _CONNECTION_ERRORS) or isinstance(cause, _PASSING):
        return _of_domain(Unavailable("The database is not available at the moment."))
    if isinstance(error, DataError | psycopg.DataError):
        # The last check: the caller should have refused the value and named its field.
        logger.warning("Value refused by the database: error=%s", error)
        return _of_domain(Invalid("A value has characters or a size that cannot be stored."))
    return None


def _of_django(error: BaseException | None) -> Problem | None:
    match error:
        case Http404():
            return Problem(404, "This address does not exist.")
        case django_errors.PermissionDenied():
            return Problem(403, str(error) or "This is not allowed.")
        case django_errors.RequestDataTooBig():
            return _of_domain(TooLarge("The body exceeds the limit of this server."))
        case django_errors.ValidationError():
            return _of_domain(Invalid(errors=_of_model(error)))
        case django_errors.BadRequest() | django_errors.SuspiciousOperation():
            return Problem(400, str(error) or "The request cannot be understood.")
    return None


def _of_model(error: django_errors.ValidationError) -> list[FieldError]:
    if not hasattr(error, "error_dict"):
        return [{"field": "", "message": message} for message in error.messages]
    return [
        {"field": "" if name == django_errors.NON_FIELD_ERRORS else name, "message": message}
        for name, messages in error.message_dict.items()
        for message in messages
    ]


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler; None lets it become a 500."""
    problem = problem_of(error)
    if problem is None:
        return None
    set_rollback()
    request = context.get("request")
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE and request is not None:
        # The browsable page would ask the database that is away who is logged in.
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type
    renderer = getattr(request, "accepted_renderer", None)
    is_json = renderer is None or renderer.format != "api"
    return Response(
        problem.body(),
        status=problem.status,
        headers=problem.headers,
        content_type=MEDIA_TYPE if is_json else None,
    )


def plain_response(problem: Problem) -> JsonResponse:
    """A problem outside the views of the REST framework."""
    return JsonResponse(
        problem.body(), status=problem.status, headers=problem.headers, content_type=MEDIA_TYPE
    )


def wants_html(request: HttpRequest) -> bool:
    """Whether a browser asks: it names text/html; programs say `*/*`, JSON or nothing."""
    return "text/html" in request.headers.get("Accept", "")[:1000]


def handler400(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """An error that Django found before a view was called."""
    problem = problem_of(exception) or Problem(400, "The request cannot be understood.")
    if wants_html(request) and problem.status == HTTPStatus.BAD_REQUEST:
        return error_page(request, 400)
    return plain_response(problem)


def handler403(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Django refused, outside of the API."""
    if wants_html(request):
        return error_page(request, 403, str(exception or ""))
    return plain_response(problem_of(exception) or Problem(403, "This is not allowed."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """A form without a valid token: it comes from another site, or from before the log-in."""
    text = "The form is too old, or was not sent from this site: go back, reload it, send it again."
    if wants_html(request):
        return error_page(request, 403, text)
    return plain_response(Problem(403, text))


def handler404(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    if wants_html(request):
        return error_page(request, 404)
    return plain_response(Problem(404, "This address does not exist."))


def handler500(request: HttpRequest) -> HttpResponseBase:
    """An internal error, or an unavailable database outside the views of the API."""
    problem = problem_of(sys.exc_info()[1])
    if problem is None:
        if wants_html(request):
            return failure_page(request)
        return plain_response(
            Problem(500, "Internal error. The log has it under this request's id.")
        )
    if wants_html(request):
        return HttpResponse(
            f"{problem.detail}\n",
            status=problem.status,
            headers=problem.headers,
            content_type="text/plain; charset=utf-8",
        )
    return plain_response(problem)


def flatten(detail: Any) -> list[FieldError]:
    """Every message with its path; the first thousand of them."""
    found: list[FieldError] = []
    for path, message in _walk(detail, ""):
        found.append({"field": path, "message": message})
        if len(found) == _SHOWN:
            break
    return found


def join(path: str, key: object) -> str:
    """The path of a member: `tasks`, then 3, then `type` give `tasks[3].type`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


def _walk(detail: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            is_whole = key == api_settings.NON_FIELD_ERRORS_KEY
            yield from _walk(value, path if is_whole else join(path, key))
    elif isinstance(detail, list | tuple):
        for index, value in enumerate(detail):
            # A list of messages belongs to its field; a list of errors has one entry per item.
            is_item = isinstance(value, dict | list | tuple)
            yield from _walk(value, join(path, index) if is_item else path)
    else:
        yield path, str(detail)
