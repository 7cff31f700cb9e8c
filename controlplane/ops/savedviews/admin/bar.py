"""The bar above a list: its shipped and saved views, which of them the page shows, and what can be
done with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import get_script_prefix, reverse
from django.utils.text import capfirst

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.visibletext import isolated_text
from controlplane.ops.savedviews.content import (
    Content,
    describe,
    page_address,
    read_address,
    read_kept,
    read_shipped,
)
from controlplane.ops.savedviews.editing import may_change
from controlplane.ops.savedviews.models import MAX_NAME, SavedView
from controlplane.ops.savedviews.queries import list_beside
from controlplane.workspaces.adminaccess import actor_in, is_allowed, own_workspaces, roles_of
from controlplane.workspaces.lists import WORKSPACE, SavableList, find_list_at
from controlplane.workspaces.states import ActorKind, Role

_MAX_WORKSPACES = 50  # to choose from
_MAX_OBSTACLES = 5


@dataclass(frozen=True, slots=True)
class Item:
    """A view that can be chosen. `key` is that in the address."""

    key: str
    name: str
    help: str
    url: str
    content: Content
    workspace: str = ""
    row: SavedView | None = None
    problems: Sequence[FieldError] = ()
    is_current: bool = False
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """What the template shows. Addresses are empty for what the person may not do."""

    of: SavableList
    items: list[Item]
    menu: list[tuple[str, list[Item]]]
    address: str
    words: str
    manage_url: str
    save_url: str = ""
    keep_url: str = ""
    back_url: str = ""
    edit_url: str = ""
    version: int = 0
    chosen_name: str = ""
    proposed_name: str = ""
    problems: Sequence[FieldError] = ()
    obstacles: Sequence[FieldError] = ()  # why the list cannot be saved as it is shown
    may_share: bool = False
    workspaces: list[tuple[str, str]] = field(default_factory=list)
    max_name: int = MAX_NAME

    @property
    def is_shown(self) -> bool:
        return bool(self.items or self.menu or self.save_url or self.obstacles)


def describe_bar(request: HttpRequest) -> Bar | None:
    """The bar of the list that the request shows; None if its views cannot be saved."""
    of = find_list_at(request.path_info.lstrip("/"))
    if of is None:
        return None
    obstacles: Sequence[FieldError] = ()
    try:
        shown: Content | None = read_address(of, request.GET)
    except Invalid as error:
        shown, obstacles = None, error.errors[:_MAX_OBSTACLES]
    workspace = _own_workspace_of(request, of)
    found = [*_list_shipped(of, workspace), *_list_saved(request, of, workspace)]
    chosen = _choose(request, of, found, shown)
    items = [_mark(item, chosen, shown) for item in found]
    bare = Item("", of.bare_title, "", _url(of, Content(), workspace), Content())
    if of.bare_title:
        is_bare = chosen is None and shown == Content()
        items.insert(0, replace(bare, is_current=is_bare))
    beside = [item for item in items if _is_beside(of, item)]
    rest = [item for item in items if item not in beside]
    return Bar(
        of=of,
        items=beside,
        menu=_group(rest),
        address=request.GET.urlencode(),
        words="" if shown is None else capfirst(describe(of, shown)),
        obstacles=obstacles if own_workspaces(request) else (),
        manage_url=reverse("admin:savedviews_savedview_changelist"),
        **_describe_tools(request, of, chosen, shown),
    )


def page_url(of: SavableList, content: Content, **more: str) -> str:
    """The address of the page, with the prefix of the installation."""
    return get_script_prefix().rstrip("/") + page_address(of, content, **more)


def workspace_in_address(request: HttpRequest, of: SavableList, slug: str) -> str:
    """The workspace, if the page can be narrowed to it and the person has several."""
    return slug if of.is_by_workspace and len(own_workspaces(request)) > 1 else ""


def _own_workspace_of(request: HttpRequest, of: SavableList) -> str:
    """The workspace that the address names, if it is one of the person's."""
    named = request.GET.get(WORKSPACE, "") if of.is_by_workspace else ""
    return named if any(each.slug == named for each in own_workspaces(request)) else ""


def _url(of: SavableList, content: Content, workspace: str, key: str = "") -> str:
    return page_url(of, content, **{WORKSPACE: workspace, CHOSEN_VIEW: key})


def _list_shipped(of: SavableList, workspace: str) -> list[Item]:
    found = []
    for view in of.shipped:
        content = read_shipped(of, view)
        url = _url(of, content, workspace, view.key)
        found.append(Item(view.key, view.name, view.help, url, content))
    return found


def _list_saved(request: HttpRequest, of: SavableList, workspace: str) -> list[Item]:
    own = own_workspaces(request)
    chosen = [each.id for each in own if workspace in ("", each.slug)]
    is_all = roles_of(request) is None and not workspace
    user: Any = request.user
    rows = list_beside(of.name, None if is_all else chosen, ActorKind.USER.value, str(user.pk))
    return [_saved(request, of, row, has_several=len(own) > 1) for row in rows]


def _saved(request: HttpRequest, of: SavableList, row: SavedView, *, has_several: bool) -> Item:
    content, problems = read_kept(of, row.filters, row.sort, row.columns)
    slug = row.workspace.slug
    return Item(
        key=str(row.id),
        name=row.name,
        help=f"{describe(of, content)}; of {isolated_text(row.owner_label)}",
        url=_url(of, content, workspace_in_address(request, of, slug), str(row.id)),
        content=content,
        workspace=slug if has_several else "",
        row=row,
        problems=problems,
    )


def _choose(
    request: HttpRequest, of: SavableList, items: Sequence[Item], shown: Content | None
) -> Item | None:
    """The view that the address names, or one that shows the same."""
    named = request.GET.get(CHOSEN_VIEW, "")
    if named:
        found = next((item for item in items if item.key == named), None)
        if found is not None:
            return found
    if shown == Content():
        return next((item for item in items if item.key == of.bare), None) if of.bare else None
    return next((item for item in items if item.content == shown), None)


def _mark(item: Item, chosen: Item | None, shown: Content | None) -> Item:
    if item is not chosen:
        return item
    is_bare = item.row is None and shown == Content()
    return replace(item, is_current=True, is_changed=item.content != shown and not is_bare)


def _is_beside(of: SavableList, item: Item) -> bool:
    if item.row is None:
        return not of.has_own_tabs
    return item.row.is_pinned or item.is_current


def _group(items: Sequence[Item]) -> list[tuple[str, list[Item]]]:
    """Those that stand only in the menu."""
    mine = [item for item in items if item.row is not None and not item.row.is_shared]
    shared = [item for item in items if item.row is not None and item.row.is_shared]
    return [each for each in (("Mine", mine), ("Shared", shared)) if each[1]]


def _describe_tools(
    request: HttpRequest, of: SavableList, chosen: Item | None, shown: Content | None
) -> dict[str, Any]:
    """What can be done with the list that is shown, and with the chosen view."""
    tools: dict[str, Any] = {}
    if shown is not None and shown != Content() and (chosen is None or chosen.content != shown):
        tools |= _describe_saving(request, of)
    elif chosen is not None and chosen.row is None and shown != Content():
        tools |= {**_describe_saving(request, of), "proposed_name": chosen.name}
    if chosen is None:
        return tools
    is_changed = chosen.content != shown
    tools |= {"chosen_name": chosen.name, "problems": chosen.problems}
    if is_changed and request.GET.get(CHOSEN_VIEW):
        tools["back_url"] = chosen.url
    row = chosen.row
    if row is not None and may_change(row, actor_in(request, row.workspace_id)):
        tools["edit_url"] = reverse("admin:savedviews_savedview_change", args=[row.pk])
        if shown is not None and (is_changed or chosen.problems):
            tools["keep_url"] = reverse("admin:savedviews_savedview_keep", args=[row.pk])
            tools["version"] = row.version
    return tools


def _describe_saving(request: HttpRequest, of: SavableList) -> dict[str, Any]:
    own = own_workspaces(request)
    if not own:
        return {}
    named = _own_workspace_of(request, of)
    chosen = [each for each in own if named in ("", each.slug)]
    return {
        "save_url": reverse("admin:savedviews_savedview_save"),
        "may_share": any(is_allowed(request, Role.OPERATOR, each.id) for each in chosen),
        "workspaces": [(each.slug, each.name) for each in chosen[:_MAX_WORKSPACES]],
    }


def find_own(request: HttpRequest, slug: str) -> UUID | None:
    """The id of one of the person's workspaces; without a slug the first."""
    own = own_workspaces(request)
    return next((each.id for each in own if slug in ("", each.slug)), None)
