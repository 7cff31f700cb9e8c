"""Reads of saved views: everybody sees their own, and those that are shared with the workspace."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from controlplane.core.errors import NotFound
from controlplane.ops.savedviews.models import SavedView
from controlplane.workspaces.actors import Actor

MAX_SHOWN = 200  # beside a list


def list_views(
    workspace_id: UUID, actor: Actor, lists: Collection[str] = ()
) -> QuerySet[SavedView]:
    """Those of a workspace that the actor sees, newest first."""
    views = seen_by(actor.kind, actor.id).filter(workspace_id=workspace_id)
    return views.filter(list_name__in=lists) if lists else views


def seen_by(kind: str, actor_id: str) -> QuerySet[SavedView]:
    """Shared views, and those of one person or key, of every workspace."""
    own = Q(owner_kind=kind, owner_id=actor_id)
    return SavedView.objects.filter(Q(is_shared=True) | own)


def list_beside(
    list_name: str, workspaces: Collection[UUID] | None, kind: str, actor_id: str
) -> list[SavedView]:
    """Those of one list to choose from, by name. `workspaces` None: all."""
    views = seen_by(kind, actor_id).filter(list_name=list_name).select_related("workspace")
    if workspaces is not None:
        views = views.filter(workspace_id__in=workspaces)
    return list(views.order_by(Lower("name"), "id")[:MAX_SHOWN])


def get_view(workspace_id: UUID, view_id: UUID, actor: Actor) -> SavedView:
    """One that the actor sees. Raises NotFound."""
    view = list_views(workspace_id, actor).filter(id=view_id).first()
    if view is None:
        raise NotFound(f"There is no saved view {view_id}.")
    return view
