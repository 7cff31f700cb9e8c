"""The HTTP API of saved views."""

from typing import Any
from uuid import UUID

from controlplane.core.errors import FieldError, Invalid, NotFound
from controlplane.core.http.verbs import Listed, Views, verb
from controlplane.ops.savedviews import editing, queries
from controlplane.ops.savedviews.content import read_content
from controlplane.ops.savedviews.editing import Changes
from controlplane.ops.savedviews.schema import Catalogue, View, ViewChange, ViewFilter, ViewIn
from controlplane.workspaces.idempotent_calls import idempotent
from controlplane.workspaces.lists import SavableList, all_lists, get_list
from controlplane.workspaces.permissions import WorkspaceRequest


def _find(request: WorkspaceRequest, view_id: UUID) -> Any:
    return queries.get_view(request.workspace.id, view_id, request.actor)


def _list_of(body: ViewIn) -> SavableList:
    try:
        return get_list(body.list_name)
    except NotFound as error:
        raise Invalid(errors=[FieldError(field="list", message=str(error))]) from None


class SavedViews(Views):
    """Views of lists. Everybody keeps their own, so a viewer may write here."""

    tag = "views"

    @verb(
        "GET",
        "views",
        name="views_list",
        summary="List saved views",
        query=ViewFilter,
        returns=Listed(View, {"createdAt": "id"}),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest, query: ViewFilter) -> Any:
        """Your own and those that are shared with the workspace, newest first."""
        views = queries.list_views(request.workspace.id, request.actor, query.lists)
        return self.page(views.select_related("workspace"))

    @verb(
        "GET",
        "views/lists",
        name="views_lists",
        summary="Show the lists whose views can be saved",
        returns=Catalogue,
    )
    def lists(self, request: WorkspaceRequest) -> Any:
        """Each list with its filters, orders and columns, and the shipped views of it."""
        return list(all_lists())

    @verb(
        "POST",
        "views",
        name="views_create",
        summary="Save a view",
        body=ViewIn,
        returns={201: View, 200: View},
        errors=(409, 422),
        role="viewer",
    )
    @idempotent(_find)
    def create(self, request: WorkspaceRequest, body: ViewIn) -> UUID:
        """The view is yours, or shared with the workspace, which needs the role operator."""
        content = read_content(_list_of(body), body.filters, body.sort, body.columns)
        return editing.create_view(
            workspace_id=request.workspace.id,
            list_name=body.list_name,
            name=body.name,
            content=content,
            actor=request.actor,
            is_shared=body.is_shared,
            is_pinned=body.is_pinned,
        ).id

    @verb(
        "GET",
        "views/<uuid:id>",
        name="views_retrieve",
        summary="Show a saved view",
        returns=View,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The view, with the addresses of its page and of its call."""
        return _find(request, id)

    @verb(
        "PATCH",
        "views/<uuid:id>",
        name="views_change",
        summary="Change a saved view",
        body=ViewChange,
        returns=View,
        errors=(404, 409, 422),
        role="viewer",
    )
    def change(self, request: WorkspaceRequest, body: ViewChange, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Change your own view, or as an operator a shared one. Only its owner or an admin stops
        sharing it."""
        return editing.change_view(
            workspace_id=request.workspace.id,
            view_id=id,
            changes=Changes(
                name=body.name,
                filters=body.filters,
                sort=body.sort,
                columns=body.columns,
                is_shared=body.is_shared,
                is_pinned=body.is_pinned,
            ),
            actor=request.actor,
            seen_version=body.version,
        )

    @verb(
        "DELETE",
        "views/<uuid:id>",
        name="views_delete",
        summary="Delete a saved view",
        returns=None,
        errors=(404,),
        role="viewer",
    )
    def remove(self, request: WorkspaceRequest, id: UUID) -> None:  # noqa: A002 - the name in the API
        """Only its owner or an admin deletes a shared view."""
        editing.delete_view(workspace_id=request.workspace.id, view_id=id, actor=request.actor)
