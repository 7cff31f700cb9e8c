"""Nodes. They belong to the app `workers`, which does not know tasks; the tasks in their slots are
looked up here."""

from typing import Any

from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.workspaces.permissions import WorkspaceRequest
from tasks_app import queries
from tasks_app.schema.nodes import Node, NodeDetail, NodeFilter, NodeSample, SampleFilter
from workers.queries import get_node, list_nodes, list_samples
from workers.services import drain_node


class Nodes(Views):
    """The nodes."""

    tag = "nodes"

    @verb(
        "GET",
        "system/nodes",
        name="nodes_list",
        summary="List nodes",
        query=NodeFilter,
        returns=Listed(Node, {"startedAt": "id"}, "-startedAt"),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest, wanted: NodeFilter) -> Any:
        """The workers of the installation, which serve all workspaces."""
        return list_nodes(wanted.statuses, name=wanted.name)

    @verb(
        "GET",
        "system/nodes/<int:id>",
        name="nodes_retrieve",
        summary="Show a node",
        returns=NodeDetail,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, id: int) -> Any:  # noqa: A002 - the name in the API
        """The node with the task of each slot, as of the newest heartbeat. A task of another
        workspace shows only that it runs."""
        return queries.view_node(request.workspace.id, id)

    @verb(
        "GET",
        "system/nodes/<int:id>/samples",
        name="nodes_samples",
        summary="List a node's samples",
        query=SampleFilter,
        returns=Listed(NodeSample, {"at": "at"}, "-at"),
        errors=(404, 422),
    )
    def samples(self, request: WorkspaceRequest, wanted: SampleFilter, id: int) -> Any:  # noqa: A002 - the name in the API
        """Samples of CPU, memory and work: all of the last day, then one in ten minutes, after 30
        days one an hour, for a year."""
        return list_samples(get_node(id).id, wanted.since)

    @verb(
        "POST",
        "system/nodes/<int:id>/drain",
        name="nodes_drain",
        summary="Drain a node",
        returns=NodeDetail,
        errors=(404, 409),
    )
    def drain(self, request: WorkspaceRequest, id: int) -> Any:  # noqa: A002 - the name in the API
        """Make the node claim no more tasks, for any workspace; when its tasks have ended, its
        worker ends with exit code 0. A repeated call changes nothing; 409 if the node has ended."""
        drain_node(id, workspace_id=request.workspace.id, actor=request.actor)
        return queries.view_node(request.workspace.id, id)
