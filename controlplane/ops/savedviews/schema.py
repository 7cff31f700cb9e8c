"""Saved views in requests and responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from annotated_types import MaxLen
from pydantic import Field

from controlplane.core.errors import FieldError
from controlplane.core.schema import Request, Resource, itself, shown
from controlplane.core.schema.fields import Flag, JsonObject, Text, Whole
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import COMMA, Texts
from controlplane.ops.savedviews.content import (
    Content,
    api_address,
    describe,
    page_address,
    read_kept,
    read_shipped,
)
from controlplane.ops.savedviews.models import MAX_NAME
from controlplane.ops.savedviews.models import SavedView as ViewRow
from controlplane.workspaces.lists import SavableList, ShippedView, find_list
from controlplane.workspaces.states import ActorKind
from tasks_app.schema.fields import IdempotencyKey, optional

_FILTERS = (
    "By name, as in `GET /views/lists`: a value, or a list of them. A time may be an age such as "
    "`1h`, which stays relative."
)
_SORT = "One of the orders of the list; empty: its own."
_COLUMNS = "Names of columns, where the page lets them be chosen; empty: its own."
_SHARED = "Shared with the workspace, which needs the role operator."
_PINNED = "Shown beside the list, not only in its menu."

Columns = Annotated[list[Annotated[str, Text(60)]], MaxLen(60)]
Name = Annotated[str, Text(MAX_NAME)]
Sort = Annotated[str, Text(60, minimum=0)]


class ViewIn(Request):
    """A view to save."""

    example: ClassVar[Mapping[str, Any]] = {
        "list": "tasks",
        "name": "Mail that failed today",
        "filters": {"status": ["FAILED"], "queue": "mail", "finishedAfter": "24h"},
        "sort": "-finishedAt",
        "isShared": True,
    }

    list_name: Annotated[str, Text(40)] = Field(alias="list", description="The list's name.")
    name: Name = Field(description="Unique among your views of the list, or the shared ones.")
    filters: JsonObject = Field(default_factory=dict, description=_FILTERS)
    sort: Sort = Field("", description=_SORT)
    columns: Columns = Field(default_factory=list, description=_COLUMNS)
    is_shared: Flag = Field(False, description=_SHARED)
    is_pinned: Flag = Field(False, description=_PINNED)
    idempotency_key: IdempotencyKey = optional()


class ViewChange(Request):
    """What is to change; what is left out stays."""

    example: ClassVar[Mapping[str, Any]] = {"name": "Mail, failed", "isPinned": True, "version": 1}

    name: Name = optional()
    filters: JsonObject = optional(_FILTERS)
    sort: Sort = optional(_SORT)
    columns: Columns = optional(_COLUMNS)
    is_shared: Flag = optional(_SHARED)
    is_pinned: Flag = optional(_PINNED)
    version: Annotated[int, Whole(1, 2**31 - 1)] = optional(
        "The version that you have seen; 409 if the view has another one."
    )


@dataclass(frozen=True, slots=True)
class ViewFilter:
    """Which views a list shows."""

    lists: tuple[str, ...] = condition("list", Texts(), f"Names of lists. {COMMA}")


class ViewOwner(Resource):
    """Who saved it."""

    kind: ActorKind = shown(source="owner_kind")
    id: str = shown(source="owner_id")
    name: str = shown(source="owner_label")


class ViewProblem(Resource):
    """A part of a view that the list does not have any more."""

    field: str
    message: str


def _kept(view: ViewRow) -> tuple[SavableList | None, Content, list[FieldError]]:
    of = find_list(view.list_name)
    if of is None:
        message = f"There is no list {view.list_name!r} any more."
        return None, Content(), [FieldError(field="list", message=message)]
    return of, *read_kept(of, view.filters, view.sort, view.columns)


def _page_of(view: ViewRow) -> str | None:
    of, content, _ = _kept(view)
    if of is None:
        return None
    slug = view.workspace.slug if of.is_by_workspace else ""
    return page_address(of, content, workspace=slug, saved=str(view.id))


def _api_of(view: ViewRow) -> str | None:
    of, content, _ = _kept(view)
    return None if of is None else api_address(of, content)


def _words_of(view: ViewRow) -> str:
    of, content, _ = _kept(view)
    return "" if of is None else describe(of, content)


class View(Resource):
    """A saved view."""

    id: UUID
    list_name: str = shown("The name of the list.", alias="list")
    name: str
    owner: ViewOwner = shown(compute=itself)
    is_shared: bool = shown("Everybody in the workspace sees it; otherwise only its owner.")
    is_pinned: bool
    filters: dict[str, list[str]]
    sort: str
    columns: list[str]
    in_words: str = shown("What it shows, in words.", compute=_words_of)
    page: str | None = shown(
        "The address of its page; null if the list no longer exists.", compute=_page_of
    )
    api: str | None = shown(
        "The call that lists the same; null if the API has no such filter.", compute=_api_of
    )
    problems: list[ViewProblem] = shown(
        "Its parts that the list no longer has. They are left out of the addresses.",
        compute=lambda view: _kept(view)[2],
    )
    version: int
    created_at: datetime
    updated_at: datetime


class FilterOfList(Resource):
    """A filter of a list."""

    name: str
    title: str
    json_schema: dict[str, Any] = shown(compute=lambda found: found.values.schema())
    in_api: bool = shown(
        "Whether the API has it, too.", compute=lambda found: found.api is not None
    )


@dataclass(frozen=True, slots=True)
class Shipped:
    """A shipped view with its list."""

    of: SavableList
    view: ShippedView

    @property
    def content(self) -> Content:
        return read_shipped(self.of, self.view)


class ShippedOfList(Resource):
    """A view that every workspace has. It cannot be changed; save a view with the same filters."""

    key: str = shown(source="view.key")
    name: str = shown(source="view.name")
    description: str = shown(source="view.help")
    filters: dict[str, list[str]] = shown(
        compute=lambda each: {name: list(found) for name, found in each.content.filters.items()}
    )
    sort: str = shown(source="content.sort")
    columns: list[str] = shown(compute=lambda each: list(each.content.columns))
    page: str = shown(
        "The address of its page.",
        compute=lambda each: page_address(each.of, each.content, saved=each.view.key),
    )
    api: str | None = shown(compute=lambda each: api_address(each.of, each.content))


class ListOfViews(Resource):
    """A list whose views can be saved."""

    name: str
    title: str
    filters: list[FilterOfList]
    more_filters: str | None = shown(
        "Names that begin with this are filters, too.", compute=lambda of: of.prefix or None
    )
    sorts: list[str] = shown(compute=lambda of: list(of.sorts))
    columns: list[str] = shown(compute=lambda of: list(of.columns))
    shipped: list[ShippedOfList] = shown(
        "Views that every workspace has.",
        compute=lambda of: [Shipped(of, view) for view in of.shipped],
    )


class Catalogue(Resource):
    """Every list whose views can be saved."""

    lists: list[ListOfViews] = shown(compute=list)
