"""Every page of the site with its address: those of the sidebar, Django's own lists and forms of
each kind of record, the pages beside them, and lists as people filter, search, sort and page them.

Most are found by asking the site, so a new kind of record or a new filter is among them at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.http import QueryDict
from django.test import RequestFactory
from django.urls import reverse
from django.utils.http import urlencode

from benchmarks.dashboard.kinds import (
    BESIDE,
    ENDED,
    FILTERS,
    KINDS,
    LETTER,
    MORE_FILTERS,
    NOWHERE,
    TASK,
)
from controlplane.core.admin.navigation import entries
from controlplane.workspaces.audit.kinds import find_kind_of_page

# The one row of the fleet leads to its list.
_WITHOUT_PAGE = {"scaling.Pool"}
_LOG = "workspaces_auditevent"


@dataclass(frozen=True, slots=True)
class Address:
    """`name` is that of the URL, without `admin:`. `is_view`: a list that another address has, with
    another filter or order, or another page of it."""

    title: str
    name: str
    url: str
    is_view: bool = False


def list_addresses(user: Any) -> list[Address]:
    """The pages that this person may open; each address once."""
    request = RequestFactory().get("/")
    request.user = user
    found = [
        *_list_sidebar(request),
        *_list_records(request),
        *_list_beside(request),
        *_list_tasks(request),
    ]
    titles: dict[str, Address] = {}
    for each in found:
        titles.setdefault(each.url, each)
    return list(titles.values())


def list_names() -> set[str]:
    """The names of all URLs of the site."""
    found, patterns = set(), [*admin.site.urls[0]]
    while patterns:
        pattern = patterns.pop()
        patterns += getattr(pattern, "url_patterns", [])
        name = getattr(pattern, "name", None)
        if name:
            found.add(str(name))
    return found


def _list_sidebar(request: Any) -> Iterator[Address]:
    site: Any = admin.site
    for entry in entries():
        for page in entry.pages:
            url = site.find_url(request, page)
            if url is not None:
                is_first = page is entry.pages[0]
                title = entry.title if is_first else f"{entry.title}: {page.title}"
                yield Address(title, page.url_name, url)


def _list_records(request: Any) -> Iterator[Address]:
    for model, pages in admin.site._registry.items():
        if not pages.has_view_permission(request):
            continue
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        title = str(model._meta.verbose_name)
        yield Address(f"{title}: list", f"{name}_changelist", _url(f"{name}_changelist"))
        yield from _list_views(request, pages, title, f"{name}_changelist")
        if pages.has_add_permission(request):
            yield Address(f"{title}: new", f"{name}_add", _url(f"{name}_add"))
        rows = pages.get_queryset(request)
        for kind, where in KINDS.get(model._meta.label, {"": {}}).items():
            row = _newest(rows, where)
            if row is not None and model._meta.label not in _WITHOUT_PAGE:
                shown = f"one {title}, {kind}".rstrip(", ")
                yield Address(shown, f"{name}_change", _url(f"{name}_change", row.pk))
        row = _newest(rows, {})
        # The history of most leads to the audit log: see BESIDE.
        if row is not None and find_kind_of_page(name) is None and name != _LOG:
            yield Address(f"{title}: history", f"{name}_history", _url(f"{name}_history", row.pk))
        if row is not None and pages.has_delete_permission(request, row):
            yield Address(f"{title}: delete", f"{name}_delete", _url(f"{name}_delete", row.pk))


def _list_views(request: Any, pages: Any, title: str, name: str) -> Iterator[Address]:
    """One of Django's lists by each filter, in each order, searched, and its other pages."""
    if type(pages).changelist_view.__qualname__ != admin.ModelAdmin.changelist_view.__qualname__:
        return  # a page of our own
    seen = pages.get_changelist_instance(request)
    for spec in seen.filter_specs:
        choices = [each for each in spec.choices(seen) if each.get("query_string")]
        if len(choices) > 1:
            url = f"{_url(name)}{choices[1]['query_string']}"
            yield Address(f"{title}: list by {spec.title}", name, url, is_view=True)
    for number, column in enumerate(seen.list_display):
        is_allowed = seen.sortable_by is None or column in seen.sortable_by
        if is_allowed and seen.get_ordering_field(column):
            shown = getattr(column, "__name__", column)
            yield _with_query(f"{title}: list sorted by {shown}", name, **{ORDER_VAR: number})
    if seen.search_fields:
        yield _with_query(f"{title}: list, search", name, **{SEARCH_VAR: NOWHERE})
        yield _with_query(f"{title}: list, search of much", name, **{SEARCH_VAR: "a"})
    pages = seen.paginator.num_pages
    for number in sorted({2, pages // 2, pages} - {0, 1}):
        if number <= pages and not seen.older_url:
            yield _with_query(f"{title}: list, page {number}", name, **{PAGE_VAR: number})
    if seen.older_url:
        yield Address(f"{title}: list, next page", name, _url(name) + seen.older_url, is_view=True)
        yield _last_page(title, name, seen)


def _last_page(title: str, name: str, seen: Any) -> Address:
    """The page before the last row of a list whose pages follow one another."""
    from controlplane.core.cursors import Cursor, Sort, SortColumn

    order = str(seen.queryset.query.order_by[0])
    sort = Sort(order, SortColumn(order.removeprefix("-")), order.startswith("-"))
    last = Cursor.at(seen.queryset.reverse()[0], sort, 1)
    return _with_query(f"{title}: list, last page", name, **{PAGE_VAR: f"before:{last.encode()}"})


def _list_beside(request: Any) -> Iterator[Address]:
    words = _words(request)
    for page in BESIDE:
        arguments = []
        if page.row:
            row = _newest(_rows(request, page.row), page.where)
            if row is None:
                continue
            arguments.append(row.pk)
        query = page.query.format_map(words)
        url = f"{_url(page.name, *arguments)}{'?' if query else ''}{query}"
        yield Address(page.title, page.name, url)


def _list_tasks(request: Any) -> Iterator[Address]:
    """The list of tasks by each filter, in each order, and pages in its middle."""
    from tasks_app.queries.lists import SORT_FIELDS

    name, words = "tasks_app_task_changelist", _words(request)
    for condition, value in FILTERS.items():
        wanted = {condition: value.format_map(words)}
        yield _with_query(f"Tasks by {condition}", name, **wanted)
    for title, query in MORE_FILTERS.items():
        yield _with_query(f"Tasks, {title}", name, **QueryDict(query).dict())
    for sort in SORT_FIELDS:
        for order in (sort, f"-{sort}"):
            yield _with_query(f"Tasks sorted by {order}", name, sort=order)
            yield from _page_in_the_middle(request, f"Tasks sorted by {order}", order, {})
    for title, state in (("failed", "FAILED"), ("completed", "COMPLETED")):
        yield from _page_in_the_middle(request, f"Tasks, {title}", "-createdAt", {"status": state})


def _page_in_the_middle(
    request: Any, title: str, sort: str, wanted: Mapping[str, str]
) -> Iterator[Address]:
    """A page behind a row of the middle, in both directions."""
    from controlplane.core.cursors import Cursor, Sort
    from controlplane.core.ids import first_id_of
    from tasks_app.queries.lists import SORT_FIELDS

    found = Sort.of(sort, SORT_FIELDS[sort.removeprefix("-")])
    ended = _rows(request, TASK).filter(finished_at__isnull=False, started_at__isnull=False)
    rows = ended if not wanted else ended.filter(state=wanted["status"])
    if found.by.expression is not None:
        rows = rows.annotate(**{found.column: found.by.expression})
    ends = [rows.order_by(order).values_list("created_at", flat=True).first() for order in
            ("id", "-id")]  # fmt: skip
    if ends[0] is None or ends[1] is None:
        return
    middle = ends[0] + (ends[1] - ends[0]) / 2
    row = rows.filter(id__lte=first_id_of(middle)).order_by("-id").first()
    if row is None:
        return
    cursor = Cursor.at(row, found, 100).encode()
    for side in ("after", "before"):
        query = {"sort": sort, **wanted, side: cursor}
        yield _with_query(f"{title}, {side} the middle", "tasks_app_task_changelist", **query)


def _words(request: Any) -> dict[str, str]:
    """What the queries name."""

    def newest(label: str, what: str = "pk", **where: Any) -> str:
        row = _newest(_rows(request, label), where)
        return "" if row is None else str(getattr(row, what))

    return {
        "task": newest(TASK, state="COMPLETED"),
        "run": newest("workflows.WorkflowRun"),
        "node": newest("workers.Node", "name", state="ACTIVE"),
        "test": newest("stress.StressTest", **ENDED),
        "group": newest("dlq.LetterGroup"),
        "fingerprint": newest(LETTER, "fingerprint"),
    }


def _rows(request: Any, label: str) -> Any:
    """Those that the person may see."""
    return admin.site._registry[apps.get_model(label)].get_queryset(request)


def _newest(rows: Any, where: Mapping[str, Any]) -> Any:
    return rows.filter(**where).order_by("-pk").first()


def _url(name: str, *arguments: Any) -> str:
    return reverse(f"admin:{name}", args=arguments)


def _with_query(title: str, name: str, **query: Any) -> Address:
    return Address(title, name, f"{_url(name)}?{urlencode(query)}", is_view=True)
