"""Pages of lists whose total is expensive, and of values in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from controlplane.core.cursors import Cursor, Sort, count_or_estimate
from controlplane.core.errors import Invalid
from controlplane.core.http.pagination import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_OFFSET,
    ListPagination,
)
from controlplane.core.schema.filters import condition, read_query
from controlplane.core.schema.values import WholeNumber
from tasks_app.queries.lists import estimate_count, in_bounded_time
from tasks_app.queries.pages import TaskTotal, read_page

_COUNT_SECONDS = 1.0
# The rows of a page are found in a fraction of the time that counting ten thousand more takes.
_EXACT_SEARCH = 1_000


class BoundedPagination(ListPagination):
    """Its total is estimated if counting takes too long, since no index serves a filter."""

    exact_total = _EXACT_SEARCH

    def _count_rows(self, queryset: QuerySet[Any], found: Sequence[Any]) -> tuple[int, bool]:
        try:
            with in_bounded_time(_COUNT_SECONDS):
                return count_or_estimate(queryset, self.exact_total)
        except Invalid:
            return max(estimate_count(queryset), len(found)), True


class CountedPagination(BoundedPagination):
    """Its search for a page ends when it has as many rows as `find_total` knows of: it would go
    through all older ones for what is rare, if no index serves that."""

    def _read(
        self, queryset: QuerySet[Any], sort: Sort, cursor: Cursor | None, offset: int, count: int
    ) -> tuple[list[Any], int]:
        total = self._known = self.find_total()
        most = count if total is None else min(count, max(0, total - offset))
        return super()._read(queryset, sort, cursor, offset, most)

    def _count(self, queryset: QuerySet[Any], found: Sequence[Any]) -> tuple[int, bool]:
        return super()._count(queryset, found) if self._known is None else (self._known, False)


class TaskPagination(BoundedPagination):
    """A list of described tasks."""

    find_total: TaskTotal

    def _read(
        self, queryset: QuerySet[Any], sort: Sort, cursor: Cursor | None, offset: int, count: int
    ) -> tuple[list[Any], int]:
        return read_page(queryset, sort, cursor, offset, count, self.find_total)

    def _count(self, queryset: QuerySet[Any], found: Sequence[Any]) -> tuple[int, bool]:
        total = getattr(found[0], "total", None) if found else None
        return super()._count(queryset, found) if total is None else (total, False)

    def _count_rows(self, queryset: QuerySet[Any], found: Sequence[Any]) -> tuple[int, bool]:
        return super()._count_rows(self.find_total.narrow(queryset), found)


@dataclass(frozen=True, slots=True)
class _Page:
    page: int | None = condition("page", WholeNumber(1, MAX_OFFSET))
    limit: int | None = condition("limit", WholeNumber(1, MAX_LIMIT))


class ValuesPagination(ListPagination):
    """A list of values in memory, by page."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """One page of a sequence. Raises Invalid."""
        asked = read_query(_Page, request.query_params, ignore=["internal"])
        self._page, self._limit = asked.page or 1, asked.limit or DEFAULT_LIMIT
        self._total, self._is_estimate, self._next = len(queryset), False, None
        first = (self._page - 1) * self._limit
        return list(queryset[first : first + self._limit])

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Only what it takes."""
        taken = super().get_schema_operation_parameters(view)
        return [each for each in taken if each["name"] in ("page", "limit")]
