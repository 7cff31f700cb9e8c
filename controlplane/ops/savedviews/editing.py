"""Create, change and delete saved views. Everybody keeps views of their own; sharing one with the
workspace, and changing a shared one, needs the role operator; only its owner or an admin takes it
away from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, FieldError, Forbidden, Invalid
from controlplane.core.names import InvalidNameError, check_name
from controlplane.ops.savedviews.content import Content, read_content, read_kept
from controlplane.ops.savedviews.models import MAX_NAME, SavedView
from controlplane.ops.savedviews.queries import get_view
from controlplane.workspaces.actors import Actor, require_role
from controlplane.workspaces.lists import SavableList, find_list
from controlplane.workspaces.services import lock_workspace, record_audit
from controlplane.workspaces.states import Role

MAX_OWN = 100  # of one person or key in a workspace
MAX_SHARED = 200  # in a workspace
_TAKEN = "There is a view of this list with this name: choose another one."


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to change; None: it stays."""

    name: str | None = None
    filters: Mapping[str, Any] | None = None
    sort: str | None = None
    columns: Sequence[str] | None = None
    is_shared: bool | None = None
    is_pinned: bool | None = None


def create_view(
    *,
    workspace_id: UUID,
    list_name: str,
    name: str,
    content: Content,
    actor: Actor,
    is_shared: bool = False,
    is_pinned: bool = False,
) -> SavedView:
    """A new view, owned by the actor. `content` is one that `read_content` has checked.

    Raises:
        Invalid: the name is not one, or there are too many views.
        Conflict: there is one of this name.
        Forbidden: sharing needs the role operator.
    """
    require_role(actor, Role.OPERATOR if is_shared else Role.VIEWER)
    view = SavedView(
        workspace_id=workspace_id,
        list_name=list_name,
        name=_read_name(name),
        owner_kind=actor.kind,
        owner_id=actor.id,
        owner_label=actor.label[:200],
        is_shared=is_shared,
        is_pinned=is_pinned,
    )
    _put(view, content)
    with transaction.atomic():
        _check_room(view)
        _save(view, is_new=True)
        _audit(view, actor, "create", filters=view.filters, sort=view.sort, columns=view.columns)
    return view


@transaction.atomic
def change_view(
    *,
    workspace_id: UUID,
    view_id: UUID,
    changes: Changes,
    actor: Actor,
    seen_version: int | None = None,
) -> SavedView:
    """Change what is given. `seen_version`: the version that the change was made for.

    Raises NotFound, Invalid, Forbidden; Conflict also if the view has changed since.
    """
    get_view(workspace_id, view_id, actor)
    view = SavedView.objects.select_for_update().get(id=view_id)
    _require_changeable(view, changes, actor)
    if seen_version is not None and seen_version != view.version:
        raise Conflict(
            f"Somebody has changed this view since: it has version {view.version}, not "
            f"{seen_version}. Look at it again."
        )
    before = _fields(view)
    if changes.name is not None:
        view.name = _read_name(changes.name)
    if changes.is_pinned is not None:
        view.is_pinned = changes.is_pinned
    _change_content(view, changes)
    if changes.is_shared is not None and changes.is_shared != view.is_shared:
        view.is_shared = changes.is_shared
        _check_room(view)
    after = _fields(view)
    made = {n: {"before": before[n], "after": after[n]} for n in after if before[n] != after[n]}
    if made:
        view.version += 1
        view.updated_at = now()
        _save(view)
        _audit(view, actor, "change", changes=made)
    return view


@transaction.atomic
def delete_view(*, workspace_id: UUID, view_id: UUID, actor: Actor) -> SavedView:
    """Remove it, for everybody if it is shared. Raises NotFound, Forbidden."""
    get_view(workspace_id, view_id, actor)
    view = SavedView.objects.select_for_update().get(id=view_id)
    if view.is_shared:
        _require_owner(view, actor)
    _audit(view, actor, "delete", filters=view.filters, sort=view.sort, columns=view.columns)
    SavedView.objects.filter(id=view_id).delete()
    return view


def may_change(view: SavedView, actor: Actor) -> bool:
    """Whether the actor may save another content in it."""
    if not view.is_shared:
        return is_owner(view, actor)
    return actor.role is not None and actor.role.includes(Role.OPERATOR)


def may_delete(view: SavedView, actor: Actor) -> bool:
    if is_owner(view, actor):
        return may_change(view, actor)
    return view.is_shared and actor.role == Role.ADMIN


def is_owner(view: SavedView, actor: Actor) -> bool:
    return (view.owner_kind, view.owner_id) == (actor.kind, actor.id)


def _require_changeable(view: SavedView, changes: Changes, actor: Actor) -> None:
    """Raises Forbidden."""
    if view.is_shared or changes.is_shared:
        require_role(actor, Role.OPERATOR)
    if view.is_shared and changes.is_shared is False:
        _require_owner(view, actor)


def _require_owner(view: SavedView, actor: Actor) -> None:
    """Raises Forbidden."""
    if not may_delete(view, actor):
        raise Forbidden("Only its owner, as an operator, or an admin takes a shared view away.")


def _read_name(name: str) -> str:
    """Raises Invalid."""
    try:
        return check_name(name, limit=MAX_NAME)
    except InvalidNameError as error:
        raise Invalid(errors=[FieldError(field="name", message=str(error))]) from None


def _change_content(view: SavedView, changes: Changes) -> None:
    """Raises Invalid, also if what stays is no longer known and nothing replaces it."""
    if changes.filters is None and changes.sort is None and changes.columns is None:
        return
    of = _list_of(view)
    kept, _ = read_kept(of, view.filters, view.sort, view.columns)
    content = read_content(
        of,
        kept.filters if changes.filters is None else changes.filters,
        kept.sort if changes.sort is None else changes.sort,
        kept.columns if changes.columns is None else changes.columns,
    )
    _put(view, content)


def _list_of(view: SavedView) -> SavableList:
    found = find_list(view.list_name)
    if found is None:
        raise Conflict(f"The list {view.list_name!r} no longer exists: delete this view.")
    return found


def _put(view: SavedView, content: Content) -> None:
    view.filters = {name: list(values) for name, values in content.filters.items()}
    view.sort = content.sort
    view.columns = list(content.columns)


def _fields(view: SavedView) -> dict[str, Any]:
    return {
        "name": view.name,
        "filters": view.filters,
        "sort": view.sort,
        "columns": view.columns,
        "isShared": view.is_shared,
        "isPinned": view.is_pinned,
    }


def _check_room(view: SavedView) -> None:
    """Raises Invalid. The lock lets two calls at the same time count one after the other."""
    lock_workspace(view.workspace_id)
    views = SavedView.objects.filter(workspace_id=view.workspace_id, is_shared=view.is_shared)
    if not view.is_shared:
        views = views.filter(owner_kind=view.owner_kind, owner_id=view.owner_id)
    limit = MAX_SHARED if view.is_shared else MAX_OWN
    if views.count() >= limit:
        whose = "A workspace has" if view.is_shared else "You have"
        raise Invalid(f"{whose} at most {limit} of these views: delete one that nobody needs.")


def _save(view: SavedView, *, is_new: bool = False) -> None:
    """Raises Conflict if the name is taken."""
    try:
        with transaction.atomic():
            view.save(force_insert=is_new)
    except IntegrityError as error:
        if "savedview_shared_name" in str(error) or "savedview_own_name" in str(error):
            raise Conflict(errors=[FieldError(field="name", message=_TAKEN)]) from error
        raise


def _audit(view: SavedView, actor: Actor, what: str, **detail: Any) -> None:
    record_audit(
        workspace=view.workspace_id,
        actor=actor,
        action=f"view.{what}",
        target_type="view",
        target_id=str(view.id),
        detail={"list": view.list_name, "name": view.name, "isShared": view.is_shared, **detail},
    )
