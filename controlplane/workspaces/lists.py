"""The lists of the site: what each can be filtered by, its orders and columns, and the views of it
that are shipped.

An app declares its lists with `register` in its module `listings`, which is imported where saved
views are shown or kept. Names and values are those of the API; a filter says what it is called in
the address of the page, if that differs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from django.utils.module_loading import autodiscover_modules

from controlplane.core.errors import NotFound
from controlplane.core.schema.filters import conditions
from controlplane.core.schema.values import Choices, Search, Texts, Values

WORKSPACE = "workspace"  # the parameter of a page's address

Given = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class ListFilter:
    """A filter of a list.

    `page` is its parameter in the address of the page (empty: as `name`), and `as_page` how the
    page writes a value. `is_joined`: the page takes several values, separated by commas. `api` is
    its parameter in the API (empty: as `name`; None: the API has no such filter), and `as_api` the
    parameters that stand for a value.
    """

    name: str
    title: str
    values: Values
    page: str = ""
    as_page: Mapping[str, str] = field(default_factory=dict)
    is_joined: bool = False
    api: str | None = ""
    as_api: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def in_page(self) -> str:
        return self.page or self.name


@dataclass(frozen=True, slots=True)
class ShippedView:
    """A view that every workspace has. `help` says in a sentence what it shows."""

    key: str
    name: str
    help: str
    filters: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    sort: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavableList:
    """A list whose views can be saved.

    `path` is that of its page, and `api` that of the API, both without the first slash; `api` is
    empty if the API has no such list. `sorts` has every order; an empty one is the default. Names
    of filters that begin with `prefix` are allowed, and are checked by `check`, which raises
    Invalid. `is_by_workspace`: the page takes the parameter `workspace`. `bare_title` names the
    page without filters; where a shipped view shows the same, it is empty, and `bare` is the key
    of that view. `has_own_tabs`: the page itself has tabs for what the shipped views show.
    `in_api`: parameters of the API for what the page adds by itself to these filters.
    """

    name: str
    title: str
    path: str
    api: str
    filters: tuple[ListFilter, ...] = ()
    sorts: tuple[str, ...] = ()
    default_sort: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    shipped: tuple[ShippedView, ...] = ()
    prefix: str = ""
    check: Callable[[Given], object] | None = None
    is_by_workspace: bool = True
    bare_title: str = "All"
    bare: str = ""
    has_own_tabs: bool = False
    in_api: Callable[[Given], Mapping[str, str]] | None = None

    def find_filter(self, name: str) -> ListFilter | None:
        """By its name; None if there is none."""
        if self.prefix and name.startswith(self.prefix):
            return ListFilter(name, name, Texts(), is_joined=True)
        return next((each for each in self.filters if each.name == name), None)

    def find_in_page(self, parameter: str) -> ListFilter | None:
        """By its parameter in the address; None if there is none."""
        if self.prefix and parameter.startswith(self.prefix):
            return self.find_filter(parameter)
        return next((each for each in self.filters if each.in_page == parameter), None)

    def find_shipped(self, key: str) -> ShippedView | None:
        return next((each for each in self.shipped if each.key == key), None)

    def get_shipped(self, key: str) -> ShippedView:
        """Raises NotFound, which names those that there are."""
        found = self.find_shipped(key)
        if found is None:
            keys = ", ".join(each.key for each in self.shipped) or "none"
            raise NotFound(f"{self.title} has no shipped view {key[:100]!r}. Shipped: {keys}.")
        return found


def choice(name: str, title: str, values: Sequence[str], **more: object) -> ListFilter:
    """A filter by one of the known words."""
    return ListFilter(name, title, Choices(limit=1, choices=tuple(values)), **more)  # type: ignore[arg-type] # the fields of ListFilter


def text(name: str, title: str, **more: object) -> ListFilter:
    """A filter by one text, which is compared as a whole."""
    return ListFilter(name, title, Search(limit=200), **more)  # type: ignore[arg-type] # the fields of ListFilter


def search(**more: object) -> ListFilter:
    """The search field of a list."""
    return text("search", "Text", **{"page": "q", **more})


def filters_of(schema: type[object], titles: Mapping[str, str]) -> tuple[ListFilter, ...]:
    """Every condition of a filter of the API, for a page whose parameters are the same."""
    return tuple(
        ListFilter(name, titles.get(name, name), each.values, is_joined=each.values.is_split)
        for name, (_, each) in conditions(schema).items()
    )


_lists: dict[str, SavableList] = {}


def register(*lists: SavableList) -> None:
    """Let views of these be saved."""
    for each in lists:
        _lists[each.name] = each


@cache
def discover() -> None:
    """Import every app's `listings`, the first time."""
    autodiscover_modules("listings")


def all_lists() -> Iterator[SavableList]:
    """By name."""
    discover()
    for name in sorted(_lists):
        yield _lists[name]


def find_list(name: str) -> SavableList | None:
    discover()
    return _lists.get(name)


def get_list(name: str) -> SavableList:
    """Raises NotFound, which names the lists that there are."""
    found = find_list(name)
    if found is None:
        names = ", ".join(each.name for each in all_lists())
        raise NotFound(f"There is no list {name[:100]!r}. Lists: {names}.")
    return found


def find_list_at(path: str) -> SavableList | None:
    """The list whose page has this path, without the first slash."""
    return next((each for each in all_lists() if each.path == path), None)
