"""Many tasks: list, submit, act, figures."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.views import LIST_PARAMETERS, ListView
from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app import selectors, services
from tasks_app.filters import filter_of_query, read_internal
from tasks_app.serializers import (
    ActionRequestSerializer,
    ActionResultSerializer,
    BulkRequestSerializer,
    BulkResultSerializer,
    TaskRequestSerializer,
    TaskSerializer,
    TaskStatsSerializer,
    parse_bulk,
    parse_task,
    represent_task,
)
from tasks_app.serializers.problems import problems
from tasks_app.views import schema
from tasks_app.views.base import FormView, TaskPagination

_INDEXED_SORTS = {None, "", "createdAt", "-createdAt"}
# Values that may be long, and are not read when `fields` leaves them out.
_LONG = {"payload": "payload", "result": "result", "error": "error"}


class TasksView(FormView, ListView):
    """Tasks of the workspace."""

    pagination_class = TaskPagination
    sort_fields: ClassVar = selectors.SORT_FIELDS
    forms: ClassVar = {"POST": TaskRequestSerializer}

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_list",
        parameters=schema.FILTERS,
        responses={200: TaskSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Tasks that match every filter, newest first.

        A row has no traceback, and the beginning of an error's message. `sort=durationMs` is by the
        time that the last attempt of a completed or failed task took. Tasks without a value of the
        sort come last. Tasks of internal types are left out unless `internal=true`, or an id or a
        type, asks for them.
        """
        params = request.query_params
        wanted = filter_of_query(params, besides=LIST_PARAMETERS)
        must_scan = wanted.must_scan or params.get("sort") not in _INDEXED_SORTS
        with selectors.in_bounded_time() if must_scan else nullcontext():
            tasks = selectors.list_tasks(request.workspace.id, wanted)
            return self.list_response(tasks, TaskSerializer)

    def defer(self, queryset: QuerySet[Any], fields: Sequence[str] | None) -> QuerySet[Any]:
        """Without long values that nobody asked for."""
        unused = () if fields is None else [c for name, c in _LONG.items() if name not in fields]
        return queryset.defer(*unused)

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_create",
        parameters=[schema.IDEMPOTENCY_KEY],
        request=TaskRequestSerializer,
        examples=schema.CREATE_EXAMPLES,
        responses={201: TaskSerializer, 200: TaskSerializer, **problems(409, 413, 422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Submit a task; 200 when the idempotency key was used for it before."""
        spec = parse_task(request.data, key=request.headers.get("Idempotency-Key"))
        task, is_new = services.accept_task(workspace_id=request.workspace.id, spec=spec)
        return Response(
            represent_task(task), status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        )


class TaskBulkView(FormView):
    """Many tasks in one call."""

    forms: ClassVar = {"POST": BulkRequestSerializer}

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_create_bulk",
        parameters=[schema.IDEMPOTENCY_KEY],
        request=BulkRequestSerializer,
        examples=schema.BULK_EXAMPLES,
        responses={201: BulkResultSerializer, 200: BulkResultSerializer, **problems(409, 413, 422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Submit up to 10,000 tasks, all or none."""
        specs, key = parse_bulk(request.data, key=request.headers.get("Idempotency-Key"))
        done = services.accept_tasks(workspace_id=request.workspace.id, specs=specs, key=key)
        return Response(
            {"created": len(done.ids), "ids": done.ids},
            status=status.HTTP_201_CREATED if done.is_new else status.HTTP_200_OK,
        )


class TaskActionsView(FormView):
    """One verb for many tasks."""

    forms: ClassVar = {"POST": ActionRequestSerializer}

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_act",
        request=ActionRequestSerializer,
        examples=schema.ACTION_EXAMPLES,
        responses={200: ActionResultSerializer, **problems(413, 422)},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Cancel, retry, reprioritize or delete many tasks, in batches that are committed each.

        At most 50,000 a call. A filter's retry leaves COMPLETED tasks alone unless its `status`
        names them; delete takes ended tasks only.
        """
        asked = self.validated(ActionRequestSerializer)
        done = services.act_on_tasks(
            workspace_id=request.workspace.id,
            actor=request.actor,
            action=asked["action"],
            wanted=asked["wanted"],
            priority=asked.get("priority"),
            dry_run=asked["dry_run"],
        )
        return Response(ActionResultSerializer(done).data)


class TaskStatsView(FormView):
    """Figures."""

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_stats",
        parameters=[schema.INTERNAL],
        responses={200: TaskStatsSerializer, **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """The tasks that the workspace has, and what ended within the last minutes."""
        with_internal = read_internal(request.query_params)
        found = selectors.get_task_stats(request.workspace.id, with_internal=with_internal)
        return Response(TaskStatsSerializer(found).data)
