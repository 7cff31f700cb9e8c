"""The site of the pages: its start page, its sidebar, and what the frame of each page shows.
`controlplane.workspaces.adminaccess` adds who may open what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, path, reverse
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST

from controlplane.core.admin.navigation import (
    GROUPS,
    Count,
    Page,
    ShownEntry,
    ShownPage,
    show_entries,
)
from controlplane.core.admin.undo import undo_kept
from controlplane.core.formatting import EMPTY
from controlplane.core.requests import stating_reason
from controlplane.core.undo import ActAs

View = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks at the page. `workspace` is what they can see, in words; `workspaces` are slugs and
    names to choose from, if there are several."""

    name: str
    role: str
    workspace: str
    workspaces: tuple[tuple[str, str], ...] = ()

    @property
    def initials(self) -> str:
        return initials(self.name)

    @property
    def workspace_initials(self) -> str:
        return initials(self.workspace)


class Frame:
    """What the frame around a page shows to the person of a request; each part is made when a
    template asks for it."""

    def __init__(self, site: "ShellSite", request: HttpRequest) -> None:
        self._site = site
        self._request = request

    @cached_property
    def groups(self) -> list[tuple[str, list[ShownEntry]]]:
        found = [(group.title, self._show(group.entries)) for group in GROUPS]
        return [(title, shown) for title, shown in found if shown]

    @property
    def entries(self) -> list[ShownEntry]:
        return [each for _, shown in self.groups for each in shown]

    @property
    def at_thumb(self) -> list[ShownEntry]:
        return [each for each in self.entries if each.entry.is_at_thumb]

    @property
    def current(self) -> ShownEntry | None:
        return next((each for each in self.entries if each.is_current), None)

    @property
    def tabs(self) -> tuple[ShownPage, ...]:
        """The pages of the current entry, on those pages themselves."""
        current = self.current
        if current is None or len(current.pages) < 2:
            return ()
        names = {page.url_name for page in current.entry.pages}
        return current.pages if self._url_name in names else ()

    @cached_property
    def search_url(self) -> str:
        """The list of tasks; empty for those who may not see it."""
        found = (each for each in self.entries if each.entry.icon == "tasks")
        return next((each.url for each in found), "")

    @cached_property
    def person(self) -> Person:
        return self._site.describe_person(self._request)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "name": settings.TASKPLANE["ENVIRONMENT_NAME"],
            "colour": settings.TASKPLANE["ENVIRONMENT_COLOUR"],
        }

    @property
    def _url_name(self) -> str:
        match = self._request.resolver_match
        return "" if match is None else match.url_name or ""

    @cached_property
    def _counts(self) -> Mapping[str, Count]:
        return {} if self._site.count is None else self._site.count(self._request)

    def _show(self, of: Any) -> list[ShownEntry]:
        shown = show_entries(
            of, self._url_name, lambda page: self._site.find_url(self._request, page)
        )
        return [
            replace(each, count=self._counts.get(each.entry.count)) if each.entry.count else each
            for each in shown
        ]


class ShellSite(admin.AdminSite):
    """Django's site, with an overview as its start page and all records one page behind it."""

    site_title = site_header = "Taskplane"
    index_title = "All records"
    empty_value_display = EMPTY
    enable_nav_sidebar = False  # the frame has its own
    overview: View | None = None
    """The view of the start page; set in `controlplane/urls.py`."""
    performance: View | None = None
    """The page of that name; set there, too."""
    more_pages: Sequence[tuple[str, View, str]] = ()
    """Pages that belong to no record: route, view, and the name of the URL; set there, too."""
    count: Callable[[HttpRequest], Mapping[str, Count]] | None = None
    """The figures of the sidebar by the names that entries give them; set there, too."""

    def get_urls(self) -> list[Any]:
        records = path("records/", self.admin_view(self.records), name="records")
        more = [path(at, self.admin_view(view), name=name) for at, view, name in self.more_pages]
        undo = path("undo/", self.admin_view(require_POST(self.undo)), name="undo")
        found = [records, undo, *more, *super().get_urls()]
        if self.performance is not None:
            view = self.admin_view(self.performance)
            found.insert(0, path("performance/", view, name="performance"))
        return found

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """A reason that a form sends is in the audit log with all that the form does."""

        @wraps(view)
        def stated(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            with stating_reason(request.POST.get("reason", "")):
                return view(request, *args, **kwargs)

        return super().admin_view(stated, cacheable)

    def undo(self, request: HttpRequest) -> HttpResponse:
        """The button of what can be undone."""
        return undo_kept(request, self.act_as(request))

    def act_as(self, request: HttpRequest) -> ActAs:
        """The person, as services want them."""
        raise NotImplementedError

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The overview."""
        if self.overview is None:
            return self.records(request)
        return self.overview(request)

    def records(self, request: HttpRequest) -> HttpResponse:
        """Every record of every app: Django's own start page."""
        return super().index(request)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        return {**context, "site_url": reverse("admin:index"), "frame": Frame(self, request)}

    def find_url(self, request: HttpRequest, page: Page) -> str | None:
        """The address of a page; None if the person may not open it or it does not exist."""
        if not self._may_open(request, page):
            return None
        try:
            return reverse(f"admin:{page.url_name}")
        except NoReverseMatch:
            return None

    def describe_person(self, request: HttpRequest) -> Person:
        return Person(request.user.get_username(), "", "")

    def _may_open(self, request: HttpRequest, page: Page) -> bool:
        if not page.permission:
            return self.has_permission(request)
        app, _, name = page.permission.partition(".")
        pages = self._registry.get(apps.get_model(app, name.removeprefix("view_")))
        return pages is not None and pages.has_view_or_change_permission(request)


def initials(name: str) -> str:
    """Two letters of a name: `MO` for `Mira Okafor`, `PA` for `payments`."""
    words = name.replace("-", " ").replace(".", " ").replace("_", " ").split()
    letters = "".join(word[0] for word in words[:2]) if len(words) > 1 else name.strip()[:2]
    return letters.upper()
