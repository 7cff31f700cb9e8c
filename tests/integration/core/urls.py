"""Paths that fail in every way, for the tests of errors."""

from collections.abc import Callable
from typing import Any

import psycopg_pool
from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, ValidationError
from django.db import OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from controlplane.core.http import problems
from controlplane.core.http.verbs import Listed, Views, routes, verb
from controlplane.core.http.views import ApiView, optional_slash_path
from controlplane.workspaces.audit.queries import list_audit_events
from controlplane.workspaces.permissions import WorkspaceRequest
from controlplane.workspaces.schema import AuditEvent, AuditFilter

handler400 = problems.handler400
handler403 = problems.handler403
handler404 = problems.handler404
handler500 = problems.handler500


def run(sql: str, params: list[object] | None = None) -> Callable[[], None]:
    """A statement that fails in Postgres."""

    def execute() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)

    return execute


def raises(error: BaseException) -> Callable[[], None]:
    """This error."""

    def throw() -> None:
        raise error

    return throw


WAYS: dict[str, Callable[[], None]] = {
    "not-found": raises(NotFound("There is no task 5.")),
    "conflict": raises(Conflict("It has ended.")),
    "invalid": raises(Invalid(errors=[{"field": "tasks[3].type", "message": "Unknown."}])),
    "too-large": raises(TooLarge("The limit is 5.")),
    "unavailable": raises(Unavailable()),
    "drf-validation": raises(exceptions.ValidationError({"a": [{}, {"b": ["Wrong."]}]})),
    "drf-parse": raises(exceptions.ParseError("No JSON.")),
    "drf-throttled": raises(exceptions.Throttled(wait=12.3)),
    "drf-forbidden": raises(exceptions.PermissionDenied("Not you.")),
    "http404": raises(Http404("secret detail")),
    "django-forbidden": raises(PermissionDenied()),
    "django-bad-request": raises(BadRequest("Odd.")),
    "django-too-big": raises(RequestDataTooBig("...")),
    "django-validation": raises(ValidationError({"name": ["Too odd."], "__all__": ["Never."]})),
    "django-validation-plain": raises(ValidationError("Never.")),
    "operational": raises(OperationalError("the database system is starting up")),
    "pool-timeout": raises(psycopg_pool.PoolTimeout("no connection after 5 s")),
    "pg-nul": run("SELECT %s::text", ["a\0b"]),
    "pg-range": run("SELECT 99999999999::int"),
    "pg-timeout": run("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)"),
    "pg-terminated": run("SELECT pg_terminate_backend(pg_backend_pid())"),
    "pg-syntax": run("SELEC 1"),
    "bug": raises(ZeroDivisionError("secret detail")),
}


class WayView(ApiView):
    """Fails as its path says; without identity or limits."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = []

    def get(self, request: Request, way: str) -> Response:
        WAYS[way]()
        return Response({"way": way})

    def post(self, request: Request, way: str) -> Response:
        return Response({"got": request.data})


class RoleView(ApiView):
    """With the permissions and limits of every view."""

    def get(self, request: Request) -> Response:
        return Response({"method": "GET"})

    post = put = patch = delete = get


class AuditList(Views):
    """A list with every kind of sorted column."""

    @verb(
        "GET",
        "audit-list",
        name="audit_list",
        summary="List events",
        returns=Listed(AuditEvent, {"createdAt": "id", "action": "action", "at": "created_at"}),
    )
    def list(self, request: WorkspaceRequest) -> Any:
        return list_audit_events([request.workspace.id], AuditFilter())


def plain(request: HttpRequest, way: str) -> HttpResponse:
    """A view that REST framework knows nothing of."""
    WAYS[way]()
    return HttpResponse(way)


urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/<str:way>", WayView.as_view()),
    path("plain/<str:way>", plain),
    path("tasks", RoleView.as_view()),
    *routes(AuditList),
    optional_slash_path("slash/<uuid:id>", plain, name="slash"),
]
