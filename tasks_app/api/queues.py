"""Queues."""

from typing import Any

from django.db import transaction
from rest_framework.exceptions import PermissionDenied

from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.workspaces.permissions import WorkspaceRequest
from controlplane.workspaces.states import Role
from controlplane.workspaces.undo import offer_undo
from tasks_app import queries, services
from tasks_app.schema.queues import Queue, QueueChange, QueueDetail
from tasks_app.undo import change_queue

_LIMITS = {"max_running", "rate_per_second"}


class Queues(Views):
    """Queues of the workspace."""

    tag = "queues"

    @verb(
        "GET",
        "queues",
        name="queues_list",
        summary="List queues",
        returns=Listed(Queue, {"name": "name"}, "name"),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest) -> Any:
        """The queues of the workspace, with the waiting and running tasks of each."""
        return self.page(queries.list_queues(request.workspace.id), queries.view_queues)

    @verb(
        "GET",
        "queues/<str:name>",
        name="queues_retrieve",
        summary="Show a queue",
        returns=QueueDetail,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, name: str) -> Any:
        """The queue with its hot view: ids of the newest completed and failed tasks."""
        return queries.get_queue(request.workspace.id, name)

    @verb(
        "PATCH",
        "queues/<str:name>",
        name="queues_change",
        summary="Pause, resume, limit or describe a queue",
        body=QueueChange,
        returns=QueueDetail,
        errors=(404, 422),
    )
    def change(self, request: WorkspaceRequest, body: QueueChange, name: str) -> Any:
        """Pause, resume or describe (operators), set or lift limits (admins)."""
        changes = body.changes
        if _LIMITS & changes.keys() and request.actor.role != Role.ADMIN:
            raise PermissionDenied("Limits are configuration: this needs the role admin.")
        key: dict[str, Any] = {
            "workspace_id": request.workspace.id,
            "name": name,
            "actor": request.actor,
        }
        with transaction.atomic():
            if changes:
                undone = change_queue(**key, changes=changes)
                if undone["before"] != undone["after"]:
                    offer_undo(request, "queues", {"queues": [undone]})
            if body.described:
                services.change_queue_descriptor(**key, changes=body.described)
        return queries.get_queue(request.workspace.id, name)
