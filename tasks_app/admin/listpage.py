"""The page with the list of tasks: what it reads, and what its template gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.core.clock import now
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.ids import first_id_of
from controlplane.workspaces.adminaccess import actor_in, is_allowed
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.states import Role
from tasks_app.admin.listaddress import PAGE_SIZE, PLACE, VIEW, WORKSPACE, ListAddress
from tasks_app.admin.listfilters import (
    kept_by_form,
    list_chips,
    list_fields,
    list_state_choices,
)
from tasks_app.admin.listrows import make_rows, workspaces_in
from tasks_app.columns import CHOOSABLE, Column
from tasks_app.listings import TITLES
from tasks_app.processors.registry import all_processors
from tasks_app.queries.lists import EACH_WORKSPACE, estimate_count, list_tasks_of
from tasks_app.queries.searchwindow import LOOKED_AT_ONCE, find_end, lead_on, time_of
from tasks_app.queries.sortwindow import SORTED_AT_ONCE, among_newest, is_of_newest
from tasks_app.queries.tasklist import (
    Figures,
    TaskPage,
    count_matching,
    has_any_task,
    list_queue_names,
    read_task_page,
)
from tasks_app.states import TaskState

_NOTHING = TaskPage(rows=(), results={}, number=1, previous=None, next=None)
_STRIP = tuple(TaskState)
_MAX_FOLLOWED = 16  # workspaces, each of which is a live topic
_BEFORE_ALL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column. `order` is ascending, descending or empty."""

    column: Column
    url: str
    order: str


@dataclass(frozen=True, slots=True)
class StateTab:
    """The tasks of one state, or of all; `count` is None if it is unknown."""

    state: str
    title: str
    count: int | None
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """The workspaces that the list covers, by id."""

    slugs: Mapping[UUID, str]
    known: Sequence[tuple[str, str]]
    is_all: bool

    @property
    def ids(self) -> list[UUID]:
        return list(self.slugs)

    @property
    def searched(self) -> list[UUID] | None:
        """The workspaces that a query names; None is all of them. A single one is always named: the
        partial indexes are in the order of one workspace."""
        return None if self.is_all and len(self.slugs) > 1 else self.ids


def read_scope(request: HttpRequest, address: ListAddress) -> Scope:
    """The workspaces of the person, or the one that the address names."""
    own = list_own_workspaces(request)
    known = [(each.slug, each.name) for each in own]
    chosen = [each for each in own if not address.workspace or each.slug == address.workspace]
    is_all = getattr(request.user, "is_superuser", False) and not address.workspace
    return Scope({each.id: each.slug for each in chosen}, known, is_all)


def describe_list(request: HttpRequest, address: ListAddress) -> dict[str, Any]:
    """The context of the template."""
    scope = read_scope(request, address)
    errors = list(address.errors)
    if address.workspace and not scope.slugs:
        message = f"There is no workspace {address.workspace!r} that you may see."
        errors.append(FieldError(field=WORKSPACE, message=message))
    page, figures, end = _NOTHING, Figures(0, False, None), None
    if not errors and scope.slugs:
        try:
            page, figures, end = _read(scope, address)
        except Invalid as error:
            errors += error.errors or [FieldError(field="", message=str(error))]
    actors = {each: actor_in(request, each) for each in workspaces_in(page.rows)}
    rows = make_rows(page, scope.slugs, actors)
    first = (page.number - 1) * PAGE_SIZE + 1
    return {
        "address": address,
        "rows": rows,
        "errors": [(TITLES.get(each["field"], each["field"]), each["message"]) for each in errors],
        "heads": _heads(address, len(scope.known)),
        "tabs": _state_tabs(address, figures, is_read=not errors),
        "figures": figures,
        "first": first,
        "last": first + len(rows) - 1,
        "page": page,
        "previous_url": address.link(before=page.previous) if page.previous else "",
        "next_url": address.link(after=page.next) if page.next else "",
        "changes_url": _changes_url(address),
        "anchor": "" if errors else _anchor(page, figures, end),
        "end": None if errors or figures.is_estimate else _end(page, scope, address),
        "newest_url": address.link(),
        "live_topics": _live_topics(scope),
        "looked_until": None if end is None else time_of(end),
        "looked_at": LOOKED_AT_ONCE,
        "sorted_newest": _count_sorted(scope, address, figures),
        "may_submit": is_allowed(request, Role.OPERATOR, None),
        "may_act": is_allowed(request, Role.OPERATOR, None),
        "is_empty_at_all": not rows and not errors and not has_any_task(scope.ids),
        **_describe_tools(address, scope),
    }


def _anchor(page: TaskPage, figures: Figures, end: UUID | None) -> UUID:
    """The newest task that the page knows: those that match and come after it are new. An empty
    list knows none, as older tasks may come to match; where counting is slow, those from now on
    are new."""
    if page.rows:
        return UUID(str(page.rows[0].id))
    if end is not None:
        return end
    return first_id_of(now()) if figures.is_estimate else _BEFORE_ALL


def _end(page: TaskPage, scope: Scope, address: ListAddress) -> str | None:
    """The cursor of the first page's last row, empty if it is the last of all: what comes to stand
    before it is new, whatever the order. None: only a part of the tasks is sorted, or no index has
    the rows before it."""
    is_cut = is_of_newest(address.sort, address.wanted, scope.ids)
    return None if is_cut or address.sort.by.expression is not None else page.next or ""


def _live_topics(scope: Scope) -> str:
    """What says to the open page that something has changed; empty for more workspaces than a page
    can follow."""
    if len(scope.slugs) > _MAX_FOLLOWED:
        return ""
    return " ".join(f"{slug}/tasks" for slug in scope.slugs.values())


def _read(scope: Scope, address: ListAddress) -> tuple[TaskPage, Figures, UUID | None]:
    """The page, how many tasks match, and the last task that was looked at if there are more."""
    tasks = list_tasks_of(scope.searched, address.wanted)
    end = find_end(scope.searched, address.wanted, address.sort, address.position)
    if end is not None:
        rows = tasks.filter(id__gte=end)
        page = read_task_page(rows, address.sort, address.position, PAGE_SIZE)
        found = lead_on(page, address.sort, end)
        return found, Figures(estimate_count(tasks), True, None), end if found != page else None
    figures = count_matching(scope.ids, tasks, address.wanted)
    if not figures.total and not figures.is_estimate:
        return _NOTHING, figures, None  # the page would look at every task once more
    rows = tasks
    if is_of_newest(address.sort, address.wanted, scope.ids):
        rows = among_newest(tasks, address.sort)
    apart: Sequence[UUID] = ()
    if len(scope.ids) > 1 and address.sort.column == "id":
        if address.wanted.is_by_failure:
            apart = scope.ids
        elif address.wanted.is_by_one_tag:
            apart, rows = scope.ids, list_tasks_of([EACH_WORKSPACE], address.wanted)
    return read_task_page(rows, address.sort, address.position, PAGE_SIZE, apart), figures, None


def _count_sorted(scope: Scope, address: ListAddress, figures: Figures) -> int:
    """How many of the newest tasks are sorted; 0: all of them."""
    is_cut = is_of_newest(address.sort, address.wanted, scope.ids)
    return SORTED_AT_ONCE if is_cut and figures.total > SORTED_AT_ONCE else 0


def _changes_url(address: ListAddress) -> str:
    """Where the open page asks for changes: the same tasks, whatever the columns."""
    params = address.params.copy()
    for name in ("columns", "rows", *PLACE):
        params.pop(name, None)
    return f"{reverse('admin:tasks_app_task_list_changes')}?{params.urlencode()}"


def _describe_tools(address: ListAddress, scope: Scope) -> dict[str, Any]:
    """Filters, columns, density."""
    types = [each.name for each in all_processors() if not each.is_internal]
    chosen = {column.key for column in address.columns}
    return {
        "chips": list(list_chips(address)),
        "fields": list_fields(address, list_queue_names(scope.ids), types),
        "state_choices": list_state_choices(address),
        "kept": kept_by_form(address),
        "workspaces": scope.known if len(scope.known) > 1 else (),
        "columns": [(each, each.key in chosen) for each in CHOOSABLE],
        "kept_by_columns": address.hidden_fields(
            name for name in address.params if name not in ("columns", *PLACE)
        ),
        "compact_url": address.link(without=(), rows=None),
        "normal_url": address.link(without=(), rows="normal"),
        "clear_url": address.link(
            without=[name for name in address.params if name not in VIEW or name == CHOSEN_VIEW]
        ),
        "internal_url": address.link(internal=None if address.wanted.is_internal else "true"),
        "submit_url": reverse("admin:tasks_app_task_submit"),
    }


def _heads(address: ListAddress, workspaces: int) -> list[Head]:
    current, is_descending = address.sort.name.removeprefix("-"), address.sort.is_descending
    heads = []
    for column in address.columns:
        order = url = ""
        if column.sort:
            is_current = column.sort == current
            order = ("descending" if is_descending else "ascending") if is_current else ""
            # Times and figures begin with the greatest, words with the first.
            downwards = not is_descending if is_current else column.is_number
            url = address.link(sort=f"{'-' if downwards else ''}{column.sort}")
        heads.append(Head(column, url, order))
    return heads


def _state_tabs(address: ListAddress, figures: Figures, *, is_read: bool) -> list[StateTab]:
    chosen, counts = address.wanted.statuses, figures.by_state
    is_exact = is_read and not figures.is_estimate
    total = sum(counts.values()) if counts is not None else None
    if total is None and not chosen and is_exact:
        total = figures.total
    tabs = [StateTab("", "All states", total, address.link(status=None), not chosen)]
    for state in _STRIP:
        count = counts[state] if counts is not None else None
        if count is None and chosen == (state.value,) and is_exact:
            count = figures.total
        url = address.link(status=state.value)
        tabs.append(StateTab(state.value, state.label, count, url, state.value in chosen))
    return tabs
