"""Nodes. They belong to the app `workers`, which knows no tasks; what a slot runs, and whose it is,
is known here."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from controlplane.core.views import ApiView, ListView
from controlplane.workspaces.requests import WorkspaceRequest
from tasks_app import selectors
from tasks_app.serializers.nodes import (
    NodeDetailSerializer,
    NodeQuerySerializer,
    NodeSampleQuerySerializer,
    NodeSampleSerializer,
    NodeSerializer,
)
from tasks_app.serializers.problems import problems
from workers.selectors import get_node, list_nodes, list_samples
from workers.services import drain_node


class NodesView(ListView):
    """The nodes."""

    sort_fields: ClassVar = {"startedAt": "id"}
    default_sort = "-startedAt"

    @extend_schema(
        tags=["nodes"],
        operation_id="nodes_list",
        parameters=[NodeQuerySerializer],
        responses={200: NodeSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """The workers of the installation, which serve all workspaces."""
        wanted = self.filters(NodeQuerySerializer)
        return self.list_response(list_nodes(wanted["status"], name=wanted["name"]), NodeSerializer)


class NodeView(ApiView):
    """One node."""

    @extend_schema(
        tags=["nodes"],
        operation_id="nodes_retrieve",
        responses={200: NodeDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: int) -> Response:  # noqa: A002 - the name in the API
        """The node with what each of its slots runs, as of the newest heartbeat. Of a task of
        another workspace only that it runs."""
        view = selectors.view_node(request.workspace.id, id)
        return Response(NodeDetailSerializer(view).data)


class NodeSamplesView(ListView):
    """The trend of one node."""

    sort_fields: ClassVar = {"at": "at"}
    default_sort = "-at"

    @extend_schema(
        tags=["nodes"],
        operation_id="nodes_samples",
        parameters=[NodeSampleQuerySerializer],
        responses={200: NodeSampleSerializer(many=True), **problems(404, 422)},
    )
    def get(self, request: WorkspaceRequest, id: int) -> Response:  # noqa: A002 - the name in the API
        """Samples of CPU, memory and work: all of the last day, then one in ten minutes, after 30
        days one an hour, for a year."""
        wanted = self.filters(NodeSampleQuerySerializer)
        samples = list_samples(get_node(id).id, wanted.get("since"))
        return self.list_response(samples, NodeSampleSerializer)


class NodeDrainView(ApiView):
    """Ending a node gently."""

    @extend_schema(
        tags=["nodes"],
        operation_id="nodes_drain",
        request=None,
        responses={200: NodeDetailSerializer, **problems(404, 409)},
    )
    def post(self, request: WorkspaceRequest, id: int) -> Response:  # noqa: A002 - the name in the API
        """From now on it claims nothing, for any workspace; when what it holds has ended, its
        worker ends with exit code 0. Asking again changes nothing; 409 when it has ended."""
        drain_node(id, workspace_id=request.workspace.id, actor=request.actor)
        view = selectors.view_node(request.workspace.id, id)
        return Response(NodeDetailSerializer(view).data)
