"""A resource on the kit: every form that a verb can have."""

from typing import Annotated, Any
from uuid import UUID

from controlplane.core.errors import Conflict, Invalid, NotFound
from controlplane.core.http.verbs import Listed, Views, routes, verb
from controlplane.core.schema import Request, Resource, shown
from controlplane.core.schema.fields import Text, Whole
from controlplane.workspaces.idempotent_calls import idempotent
from controlplane.workspaces.permissions import WorkspaceRequest
from tasks_app import queries, services
from tasks_app.filters import TaskFilter
from tasks_app.specs import TaskSpec


class Toy(Resource):
    """A toy is a task."""

    id: UUID
    name: str
    priority: int
    payload: dict[str, Any] = shown(guard="payload", defer="payload")


class ToyRequest(Request):
    """A toy to make."""

    name: Annotated[str, Text(20)]
    priority: Annotated[int, Whole(0, 9)] = 0
    fails: bool = False
    idempotency_key: Annotated[str, Text(255)] | None = None


def find(request: WorkspaceRequest, made: UUID, **_path: Any) -> Any:
    """The toy that was made."""
    try:
        return queries.get_task(request.workspace.id, made)
    except NotFound:
        raise Conflict("The toy is gone.") from None


def refuse_ball(request: WorkspaceRequest, body: ToyRequest) -> None:
    """What the service refuses."""
    if body.name == "ball":
        raise Invalid(errors=[{"field": "name", "message": "No balls."}])


class Toys(Views):
    """Toys."""

    tag = "toys"

    @verb(
        "GET",
        "toys",
        name="toys_list",
        summary="List toys",
        returns=Listed(Toy, {"name": "name"}, "name"),
    )
    def list(self, request: WorkspaceRequest) -> Any:
        """All toys."""
        return queries.list_tasks(request.workspace.id, TaskFilter())

    @verb(
        "POST",
        "toys",
        name="toys_create",
        summary="Make a toy",
        body=ToyRequest,
        check=refuse_ball,
        returns={201: Toy, 200: Toy},
        errors=(409, 422),
        resource="tasks",
    )
    @idempotent(find)
    def create(self, request: WorkspaceRequest, body: ToyRequest) -> UUID:
        """A toy."""
        refuse_ball(request, body)
        spec = TaskSpec(type="noop", name=body.name, priority=body.priority)
        made = services.submit_task(workspace_id=request.workspace.id, spec=spec)
        if body.fails:
            raise Conflict("It broke while it was made.")
        return made

    @verb(
        "DELETE",
        "toys/<uuid:id>",
        name="toys_delete",
        summary="Break a toy",
        returns=None,
        role="admin",
        resource="toys",
    )
    def remove(self, request: WorkspaceRequest, id: UUID) -> None:  # noqa: A002 - the name in the API
        """No answer."""

    @verb(
        "POST",
        "toys/<uuid:id>/polish",
        name="toys_polish",
        summary="Polish a toy",
        returns={202: Toy, 200: Toy},
    )
    @idempotent(find)
    def polish(self, request: WorkspaceRequest, id: UUID) -> UUID:  # noqa: A002 - the name in the API
        """Without a body."""
        services.retry_task(workspace_id=request.workspace.id, task_id=id, actor=request.actor)
        return id


urlpatterns = routes(Toys)
