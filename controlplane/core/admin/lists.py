"""Django's lists of records over tables of any size: counted up to a bound, read in bounded time,
and paged behind a row where there are many."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR, ChangeList
from django.core.paginator import InvalidPage, Paginator
from django.db.models import CharField, Field, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.core.bounded import bounded_time
from controlplane.core.clock import as_moment, parse_bound
from controlplane.core.cursors import (
    EXACT_TOTAL,
    Cursor,
    Sort,
    SortColumn,
    count_or_estimate,
    estimate_rows,
    read_before,
    read_behind,
)
from controlplane.core.errors import Invalid

# Generic for the type checker only.
if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
    _Admin = admin.ModelAdmin[Any]
else:
    AnyPaginator = Paginator
    _Admin = object

_SECONDS = 2.0
_COUNT_SECONDS = 0.25
_ADVICE = "Search for a whole ID, or choose a filter."
_BEHIND, _BEFORE = "after", "before"
_IDS = {"id", "-id", "pk", "-pk"}
_NEWEST = 2_000  # rows among which the values of a filter are looked for
_MAX_VALUES = 100
# Parameters of a list's address that choose none of its rows.
_NO_FILTERS = {ALL_VAR, CHOSEN_VIEW, ERROR_FLAG, ORDER_VAR, PAGE_VAR}


class EstimatingPaginator(AnyPaginator):
    """Never counts a large table, nor for long: beyond 10,000 rows, and where finding them takes
    too long, it has the planner's estimate."""

    @cached_property
    def count(self) -> int:
        return self._counted[0]

    @property
    def is_estimate(self) -> bool:
        return self._counted[1]

    @cached_property
    def num_pages(self) -> int:
        """Without those that are too far behind to be read by their number."""
        return min(super().num_pages, max(1, EXACT_TOTAL // self.per_page))

    @cached_property
    def _counted(self) -> tuple[int, bool]:
        rows: Any = self.object_list
        try:
            with bounded_time(_COUNT_SECONDS, _ADVICE):
                return count_or_estimate(rows)
        except Invalid:
            return estimate_rows(rows), True


class RecordList(ChangeList):
    """A list has numbered pages up to 10,000 rows. The last pages of a longer one would take longer
    and longer, so its pages follow one another: each begins behind the last row of the one before.
    """

    newer_url = older_url = first_url = ""
    is_estimate = False
    has_failed = False  # reading took too long: nothing is known

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """Without the name of the view from which the page was opened."""
        found: dict[str, Any] = super().get_filters_params(params)
        found.pop(CHOSEN_VIEW, None)
        return found

    def get_ordering_field(self, field_name: Any) -> Any:
        """Also for an address that names a column that nothing sorts."""
        if self.sortable_by is not None and field_name not in self.sortable_by:
            return None
        return super().get_ordering_field(field_name)

    def get_results(self, request: HttpRequest) -> None:
        """The rows of the page; none, and a message, if finding them takes too long."""
        pages: Any = self.model_admin
        self.paginator = pages.get_paginator(request, self.queryset, self.list_per_page)
        place = request.GET.get(PAGE_VAR, "")
        self._sort = self._find_sort()
        if self._sort is not None:
            self.queryset = self.queryset.order_by(*self._sort.order_by)
        try:
            self.result_list = self._read(place) if place or self.show_all else self._read_first()
        except Invalid as error:
            pages.message_user(request, str(error), messages.ERROR)
            self._set_count(0, is_estimate=False)
            self.result_list, self.has_failed = [], True
        self.show_full_result_count = False
        # Django shows the number beside the search unless it is this one, and as if it were exact.
        is_whole = not self.query and not self.has_active_filters
        is_hidden = self.is_estimate or is_whole or self.has_failed
        self.full_result_count = self.result_count if is_hidden else None
        self.show_admin_actions = True
        pages.load_page(self.result_list)

    def _read_first(self) -> list[Any]:
        """Without counting, if all rows are on it."""
        limit = self.list_per_page
        with bounded_time(_SECONDS, _ADVICE):
            rows = list(self.queryset[: limit + 1])
        if len(rows) <= limit:
            self._set_count(len(rows), is_estimate=False)
            return rows
        self._count()
        if self.is_estimate and self._sort is not None:
            self._link(self._sort, rows[:limit], has_newer=False, has_older=True)
        return rows[:limit]

    def _read(self, place: str) -> list[Any]:
        self._count()
        with bounded_time(_SECONDS, _ADVICE):
            if self.is_estimate and self._sort is not None and not place.isdecimal():
                return self._read_around(self._sort, place)
            if self.show_all and self.can_show_all:
                return list(self.queryset)
            return self._read_number()

    def _count(self) -> None:
        self._set_count(self.paginator.count, is_estimate=self.paginator.is_estimate)

    def _set_count(self, count: int, *, is_estimate: bool) -> None:
        self.result_count, self.is_estimate = count, is_estimate
        self.can_show_all = count <= self.list_max_show_all
        self.multi_page = count > self.list_per_page

    def _read_number(self) -> list[Any]:
        """Raises IncorrectLookupParameters: there is no such page."""
        try:
            return list(self.paginator.page(self.page_num).object_list)
        except InvalidPage:
            raise IncorrectLookupParameters from None

    def _read_around(self, sort: Sort, place: str) -> list[Any]:
        """The page behind or before the row that the place names, and the addresses around it."""
        side, _, text = place.partition(":")
        limit, rows = self.list_per_page, self.queryset.order_by()
        cursor = self._read_cursor(sort, text) if side in (_BEHIND, _BEFORE) else None
        if cursor is not None and side == _BEFORE:
            found, _ = read_before(rows, sort, cursor, limit + 1)
            if len(found) > limit:
                self._link(sort, found[1:], has_newer=True, has_older=True)
                return found[1:]
            cursor = None  # the page would begin before the first row
        found, _ = read_behind(rows, sort, cursor, 0, limit + 1)
        has_older = len(found) > limit
        self._link(sort, found[:limit], has_newer=cursor is not None, has_older=has_older)
        return found[:limit]

    def _read_cursor(self, sort: Sort, text: str) -> Cursor:
        """Raises IncorrectLookupParameters."""
        try:
            return Cursor.decode(text, sort, self.model)
        except Invalid as error:
            raise IncorrectLookupParameters from error

    def _link(self, sort: Sort, rows: Sequence[Any], *, has_newer: bool, has_older: bool) -> None:
        if rows and has_newer:
            self.first_url = self.get_query_string()
            self.newer_url = self._url_at(rows[0], sort, _BEFORE)
        if rows and has_older:
            self.older_url = self._url_at(rows[-1], sort, _BEHIND)

    def _url_at(self, row: Any, sort: Sort, side: str) -> str:
        place = f"{side}:{Cursor.at(row, sort, 1).encode()}"
        return str(self.get_query_string({PAGE_VAR: place}))

    def _find_sort(self) -> Sort | None:
        """The order of the list, if it is one column that always has a value; ids break ties."""
        ordered = [str(each) for each in self.queryset.query.order_by] or ["-id"]
        # Django repeats the order of the pages' class, and breaks ties itself.
        name = ordered[0].replace("pk", "id") if ordered[0] in _IDS else ordered[0]
        if name not in _IDS and {*ordered[1:]} - {name, *_IDS}:
            return None
        column = name.removeprefix("-")
        names = {each.name: each for each in self.lookup_opts.concrete_fields}
        if "id" not in names or column not in names or names[column].null:
            return None
        return Sort(name, SortColumn(column), name.startswith("-"))


class RecordLists(_Admin):
    """Settings of pages whose list is Django's. Every class of pages has them: see
    `AdminAccess`."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count the whole table for each choice
    date_hierarchy = None  # so does this for each day

    def load_page(self, rows: Sequence[Any]) -> None:
        """Attach the data that the columns need to the rows of a page, with a fixed number of
        queries."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordList


class RecentValuesFilter(admin.AllValuesFieldListFilter):
    """By the values of the newest rows, since nothing lists all that a large table has."""

    def __init__(self, field: Any, request: HttpRequest, params: Any, model: Any,
                 model_admin: Any, field_path: str) -> None:  # fmt: skip
        super().__init__(field, request, params, model, model_admin, field_path)
        rows: QuerySet[Any] = model_admin.get_queryset(request)
        newest = rows.order_by("-pk").values("pk")[:_NEWEST]
        values = rows.filter(pk__in=newest).order_by(field_path).values_list(field_path, flat=True)
        chosen = [each for each in self.lookup_val or () if each]
        found: Any = list(dict.fromkeys([*values.distinct()[:_MAX_VALUES], *chosen]))
        self.lookup_choices = found


def read_filters(params: QueryDict, names: Mapping[str, str]) -> dict[str, Any]:
    """The filters of a list's address, by the names of the API where `names` has another one."""
    return {
        names.get(name, name): value
        for name, value in params.items()
        if value and name not in _NO_FILTERS
    }


class AgeFilter(admin.SimpleListFilter):
    """By a time: at most so long ago. An address may also have a time, or another age."""

    column: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1h", "Last hour"), ("24h", "Last day"), ("7d", "Last 7 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Raises IncorrectLookupParameters."""
        text = self.value()
        if not text:
            return queryset
        try:
            return queryset.filter(**{f"{self.column}__gte": parse_bound(as_moment(text))})
        except ValueError as error:
            raise IncorrectLookupParameters from error


def _has_any_value(field: Field[Any, Any]) -> bool:
    return isinstance(field, CharField) and not field.choices


admin.FieldListFilter.register(_has_any_value, RecentValuesFilter, take_priority=True)
