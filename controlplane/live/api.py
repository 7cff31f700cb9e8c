"""Topics over HTTP, for those who have no socket."""

from typing import Any

from controlplane.core.errors import NotFound
from controlplane.core.http.verbs import Views, verb
from controlplane.live.polling import poll
from controlplane.live.schema import TopicSnapshot
from controlplane.live.topics import find_topic
from controlplane.workspaces.actors import require_role
from controlplane.workspaces.permissions import WorkspaceRequest


class _ResourceOfTopic:
    """The scope that a key needs is that of the topic."""

    def __get__(self, view: Any, _owner: object = None) -> str | None:
        if view is None:
            return None
        try:
            return find_topic(getattr(view, "kwargs", {}).get("topic", "")).topic.resource
        except NotFound:
            return None


class Topics(Views):
    """What `/ws/live` sends."""

    tag = "live"
    resource = _ResourceOfTopic()  # another one for each request

    @verb(
        "GET",
        "live/<str:topic>",
        name="live_topic",
        summary="Show a topic of the live updates",
        returns=TopicSnapshot,
        errors=(404, 413),
    )
    def retrieve(self, request: WorkspaceRequest, topic: str) -> Any:
        """The snapshot that a subscription at `/ws/live` begins with, at most a second old. For
        clients without a socket, every ten seconds or so."""
        found = find_topic(topic)
        require_role(request.actor, found.topic.role)
        return poll(request.workspace.id, found)
