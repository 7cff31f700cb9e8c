"""The sidebar: one table of groups, entries and their pages. An entry is shown to those who may
open one of its pages."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

CHOSEN_VIEW = "saved"
"""A parameter of a list's address: the saved view from which the list was opened. It changes
nothing of what the list shows."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the site; `url_name` is without `admin:`. `permission` is `<app>.view_<model>`;
    without one everybody who may log in sees the page."""

    title: str
    url_name: str
    permission: str = ""

    def owns(self, url_name: str) -> bool:
        """Whether that page belongs to this one: the page of a row belongs to its list."""
        family = self.url_name.rpartition("_")[0]
        return url_name == self.url_name or bool(family and url_name.startswith(f"{family}_"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the sidebar. `key` opens it after a `g`; `count` names the live figure beside it.
    The pages after the first one are reached by tabs."""

    title: str
    icon: str
    pages: tuple[Page, ...]
    key: str = ""
    count: str = ""
    is_at_thumb: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    entries: tuple[Entry, ...]


def _list(title: str, app: str, model: str, page: str = "changelist") -> Page:
    return Page(title, f"{app}_{model}_{page}", f"{app}.view_{model}")


GROUPS = (
    Group(
        "Watch",
        (
            Entry("Overview", "overview", (Page("Overview", "index"),), "o", "wrong", True),
            Entry("Queues", "queues", (_list("Queues", "tasks_app", "queue"),), "q", "", True),
            Entry(
                "Tasks",
                "tasks",
                (
                    _list("Tasks", "tasks_app", "task"),
                    Page("Types", "tasks_app_typedeclaration_changelist", "tasks_app.view_task"),
                ),
                "t",
                "",
                True,
            ),
            Entry("Performance", "performance", (Page("Performance", "performance"),), "p"),
        ),
    ),
    Group(
        "Repair",
        (
            Entry(
                "Dead letters",
                "inbox",
                (
                    Page("Inbox", "dlq_lettergroup_changelist", "dlq.view_deadletter"),
                    _list("Letters", "dlq", "deadletter"),
                    _list("Replays", "dlq", "replay"),
                ),
                "d",
                "dead-letters",
                True,
            ),
            Entry(
                "Bulk operations",
                "bulk",
                (_list("Bulk operations", "operations", "operation"),),
                "b",
                "operations",
            ),
        ),
    ),
    Group(
        "Automate",
        (
            Entry(
                "Workflows",
                "workflows",
                (
                    _list("Runs", "workflows", "workflowrun"),
                    _list("Definitions", "workflows", "workflow"),
                ),
                "f",
            ),
            Entry(
                "Schedules",
                "schedules",
                (
                    _list("Schedules", "schedules", "schedule"),
                    _list("Firings", "schedules", "firing"),
                ),
                "s",
            ),
        ),
    ),
    Group(
        "Fleet",
        (
            Entry("Workers", "workers", (_list("Workers", "workers", "node"),), "w", "lost"),
            Entry(
                "Scaling",
                "scaling",
                (
                    _list("Fleet", "scaling", "pool"),
                    _list("Decisions", "scaling", "scalingevent"),
                ),
                "c",
            ),
            Entry("Stress tests", "stress", (_list("Stress tests", "stress", "stresstest"),), "x"),
        ),
    ),
    Group(
        "Govern",
        (
            Entry("Audit", "audit", (_list("Audit", "workspaces", "auditevent"),), "a"),
            Entry(
                "Settings",
                "settings",
                (
                    Page("Settings", "settings_scaling", "scaling.view_pool"),
                    _list("Workspaces", "workspaces", "workspace"),
                    _list("Members", "workspaces", "membership"),
                    _list("API keys", "workspaces", "apikey"),
                    _list("Users", "auth", "user"),
                    _list("Groups", "auth", "group"),
                ),
                "e",
            ),
            Entry("All records", "records", (Page("All records", "records"),), "r"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class ShownPage:
    title: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Count:
    """The figure beside an entry. `value` is that of this moment, None if it is not known. `live`
    names the live figures that it is the sum of, as in counts.js, separated by spaces; it is empty
    if the figure does not follow. `words` say what is counted. `less`: paths in the topic of each
    whose values are taken off, if there are some."""

    value: int | None
    live: str
    words: str
    less: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry as one person sees it on one page. `pages` are those that they may open."""

    entry: Entry
    pages: tuple[ShownPage, ...]
    is_current: bool
    count: Count | None = None

    @property
    def url(self) -> str:
        return self.pages[0].url


def entries() -> Iterator[Entry]:
    for group in GROUPS:
        yield from group.entries


def show_entries(
    of: Iterable[Entry], url_name: str, find_url: Callable[[Page], str | None]
) -> list[ShownEntry]:
    """The entries with at least one page for which `find_url` has an address. `url_name` is the
    page that is being shown."""
    found = []
    for entry in of:
        owner = find_owner(entry, url_name)
        pages = tuple(
            ShownPage(page.title, url, page is owner)
            for page in entry.pages
            if (url := find_url(page)) is not None
        )
        if pages:
            found.append(ShownEntry(entry, pages, owner is not None))
    return found


def find_permission(url_name: str) -> str:
    """What opening that page needs; empty for one that everybody may open, or of no entry."""
    owners = (find_owner(entry, url_name) for entry in entries())
    return next((page.permission for page in owners if page is not None), "")


def list_permissions() -> list[str]:
    """What the pages need, each once."""
    return sorted({page.permission for entry in entries() for page in entry.pages} - {""})


def find_owner(entry: Entry, url_name: str) -> Page | None:
    """The page of the entry that is being shown, or to which that one belongs."""
    exact = (page for page in entry.pages if page.url_name == url_name)
    related = (page for page in entry.pages if page.owns(url_name))
    return next(exact, None) or next(related, None)
