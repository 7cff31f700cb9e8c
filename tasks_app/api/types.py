"""Task types."""

from typing import Any

from controlplane.core.errors import NotFound
from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.workspaces.permissions import WorkspaceRequest
from tasks_app.api.base import ValuesPagination
from tasks_app.filters import InternalFilter
from tasks_app.queries.declarations import list_types, read_catalogue
from tasks_app.schema.types import TaskType, TaskTypeDetail


class TaskTypes(Views):
    """Declared processors."""

    tag = "task types"

    @verb(
        "GET",
        "task-types",
        name="task_types_list",
        summary="List task types",
        query=InternalFilter,
        returns=Listed(TaskType, {}, "", ValuesPagination),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest, wanted: InternalFilter) -> Any:
        """The task types that live nodes or this app declare, with the JSON Schema of each
        payload."""
        return list_types(with_internal=wanted.is_internal)

    @verb(
        "GET",
        "task-types/<str:name>",
        name="task_types_retrieve",
        summary="Show a task type",
        returns=TaskTypeDetail,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, name: str) -> Any:
        """The type, which nodes declare it, where they disagree, and since when none does."""
        view = read_catalogue().get(name)
        if view.shown is None:
            raise NotFound(f"No task type {name!r} is known.")
        return view
