"""Replays: list, show, cancel."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from controlplane.core.views import ListView
from controlplane.workspaces.requests import WorkspaceRequest
from dlq import selectors, services
from dlq.serializers import ReplayDetailSerializer, ReplaySerializer, represent_replay
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView


class ReplaysView(ListView):
    """Replays of the workspace."""

    sort_fields: ClassVar = {"createdAt": "id"}

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_replays_list",
        responses={200: ReplaySerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Replays, newest first."""
        return self.list_response(selectors.list_replays(request.workspace.id), ReplaySerializer)


class ReplayView(FormView):
    """One replay."""

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_replays_retrieve",
        responses={200: ReplayDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The replay: how far it is, how each stage went, what still fails and how."""
        return _answer(request, id)


class ReplayCancelView(FormView):
    """No further letters."""

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_replays_cancel",
        request=None,
        responses={200: ReplayDetailSerializer, **problems(404, 409)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Submit no more of it. Tasks that it has submitted go on."""
        services.cancel_replay(workspace_id=request.workspace.id, replay_id=id, actor=request.actor)
        return _answer(request, id)


def _answer(request: WorkspaceRequest, replay_id: UUID) -> Response:
    replay = selectors.get_replay(request.workspace.id, replay_id)
    return Response(represent_replay(selectors.describe_replay(replay)))
