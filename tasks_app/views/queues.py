"""Queues and task types."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from controlplane.core.views import ApiView, ListView
from controlplane.workspaces.requests import WorkspaceRequest
from controlplane.workspaces.states import Role
from tasks_app import selectors, services
from tasks_app.filters import read_internal
from tasks_app.processors.registry import all_processors
from tasks_app.serializers import (
    QueueChangeSerializer,
    QueueDetailSerializer,
    QueueSerializer,
    TaskTypeSerializer,
)
from tasks_app.serializers.problems import problems
from tasks_app.views import schema
from tasks_app.views.base import FormView, ValuesPagination

_LIMITS_NEED_ADMIN = "Limits are configuration: they need the role admin."
_LIMITS = {"max_running", "rate_per_second"}


class QueuesView(ListView):
    """Queues of the workspace."""

    sort_fields: ClassVar = {"name": "name"}
    default_sort = "name"

    @extend_schema(
        tags=["queues"],
        operation_id="queues_list",
        responses={200: QueueSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """The queues of the workspace, with what waits and runs in each now."""
        return self.list_response(selectors.list_queues(request.workspace.id), QueueSerializer)


class QueueView(FormView):
    """One queue."""

    forms: ClassVar = {"PATCH": QueueChangeSerializer}

    @extend_schema(
        tags=["queues"],
        operation_id="queues_retrieve",
        responses={200: QueueDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, name: str) -> Response:
        """The queue with its hot view: ids of the newest completed and failed tasks."""
        return Response(QueueDetailSerializer(selectors.get_queue(request.workspace.id, name)).data)

    @extend_schema(
        tags=["queues"],
        operation_id="queues_change",
        request=QueueChangeSerializer,
        responses={200: QueueDetailSerializer, **problems(404, 422)},
    )
    def patch(self, request: WorkspaceRequest, name: str) -> Response:
        """Pause or resume (operators), set or lift limits (admins)."""
        changes = self.validated(QueueChangeSerializer)
        if _LIMITS & changes.keys() and request.actor.role != Role.ADMIN:
            self.permission_denied(
                request, message="Limits are configuration: this needs the role admin."
            )
        services.change_queue(
            workspace_id=request.workspace.id, name=name, actor=request.actor, changes=changes
        )
        return Response(QueueDetailSerializer(selectors.get_queue(request.workspace.id, name)).data)


class TaskTypesView(ApiView):
    """Registered processors."""

    pagination_class = ValuesPagination

    @extend_schema(
        tags=["task types"],
        operation_id="task_types_list",
        parameters=[schema.INTERNAL],
        responses={200: TaskTypeSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """What this installation can run, with the JSON Schema of each payload."""
        pages = self.pagination_class()
        with_internal = read_internal(request.query_params, ignore={"page", "limit"})
        shown = [each for each in all_processors() if with_internal or not each.is_internal]
        rows = pages.paginate_queryset(shown, request, self)
        return pages.get_paginated_response(TaskTypeSerializer(rows, many=True).data)
