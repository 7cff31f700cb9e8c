"""Replays: list, show, pause, resume, cancel."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from controlplane.core.views import ListView
from controlplane.workspaces.requests import WorkspaceRequest
from dlq import queries, replays
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
        return self.list_response(queries.list_replays(request.workspace.id), ReplaySerializer)


class ReplayView(FormView):
    """One replay."""

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_replays_retrieve",
        responses={200: ReplayDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The replay: how far it is, how each stage went, what still fails and how."""
        return _respond(request, id)


class ReplayCancelView(FormView):
    """Cancel a replay."""

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_replays_cancel",
        request=None,
        responses={200: ReplayDetailSerializer, **problems(404, 409)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Submit no more letters. Tasks that were submitted go on."""
        replays.cancel_replay(workspace_id=request.workspace.id, replay_id=id, actor=request.actor)
        return _respond(request, id)


class ReplayPauseView(FormView):
    """Pause a replay."""

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_replays_pause",
        request=None,
        responses={200: ReplayDetailSerializer, **problems(404, 409)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Submit no letters until it is resumed. Tasks that were submitted go on, and too many
        failures among them still stop the replay."""
        replays.pause_replay(workspace_id=request.workspace.id, replay_id=id, actor=request.actor)
        return _respond(request, id)


class ReplayResumeView(FormView):
    """Resume a replay."""

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_replays_resume",
        request=None,
        responses={200: ReplayDetailSerializer, **problems(404, 409)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Go on with a paused replay."""
        replays.resume_replay(workspace_id=request.workspace.id, replay_id=id, actor=request.actor)
        return _respond(request, id)


def _respond(request: WorkspaceRequest, replay_id: UUID) -> Response:
    replay = queries.get_replay(request.workspace.id, replay_id)
    return Response(represent_replay(queries.describe_replay(replay)))
