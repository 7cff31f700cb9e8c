"""One task."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app import selectors, services
from tasks_app.serializers import (
    ExplanationSerializer,
    TaskChangeSerializer,
    TaskDetailSerializer,
    TaskSerializer,
    represent_task,
)
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView


def _answer(request: WorkspaceRequest, task_id: UUID) -> Response:
    task = selectors.get_task(request.workspace.id, task_id)
    return Response(represent_task(selectors.describe_tasks([task])[0]))


class TaskView(FormView):
    """One task."""

    forms: ClassVar = {"PATCH": TaskChangeSerializer}

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_retrieve",
        responses={200: TaskDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The task with its attempts, neighbours and log lines."""
        detail = selectors.get_task_detail(request.workspace.id, id)
        return Response(TaskDetailSerializer().to_representation(detail))

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_change",
        request=TaskChangeSerializer,
        responses={200: TaskSerializer, **problems(404, 409, 413, 422)},
    )
    def patch(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Change a task that has not started; 409 after."""

        def check(changes: dict[str, Any]) -> None:
            services.check_edit(workspace_id=request.workspace.id, task_id=id, changes=changes)

        services.edit_task(
            workspace_id=request.workspace.id,
            task_id=id,
            changes=self.validated(TaskChangeSerializer, check=check),
            actor=request.actor,
        )
        return _answer(request, id)

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_cancel",
        responses={200: TaskSerializer, **problems(404, 409)},
    )
    def delete(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Cancel: a waiting task ends at once, a running one is asked to stop, then stopped."""
        services.cancel_task(workspace_id=request.workspace.id, task_id=id, actor=request.actor)
        return _answer(request, id)


class TaskExplainView(FormView):
    """Why a task is not running."""

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_explain",
        responses={200: ExplanationSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Why it is not running, in one sentence and as data."""
        found = selectors.explain_task(request.workspace.id, id)
        return Response(ExplanationSerializer(found).data)


class TaskRetryView(FormView):
    """A fresh round."""

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_retry",
        request=None,
        responses={200: TaskSerializer, **problems(404, 409)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """A fresh round of attempts for an ended task."""
        services.retry_task(workspace_id=request.workspace.id, task_id=id, actor=request.actor)
        return _answer(request, id)


class TaskRunNowView(FormView):
    """No more waiting."""

    @extend_schema(
        tags=["tasks"],
        operation_id="tasks_run_now",
        request=None,
        responses={200: TaskSerializer, **problems(404, 409)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Skip the wait of a scheduled or retrying task."""
        services.run_task_now(workspace_id=request.workspace.id, task_id=id, actor=request.actor)
        return _answer(request, id)
