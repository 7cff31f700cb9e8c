"""Lists: by page while that is cheap, by cursor for any depth.

A list is `{"data", "page", "limit", "total", "totalIsEstimate", "nextCursor"}`. The queryset is
already limited to one workspace; a cursor is only a position in it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request

from controlplane.core.cursors import (
    EXACT_TOTAL,
    Cursor,
    Sort,
    SortColumn,
    count_or_estimate,
    read_behind,
)
from controlplane.core.errors import FieldError, Invalid

DEFAULT_LIMIT = 20
MAX_LIMIT = 200
MAX_OFFSET = 10_000
_NUMBER_DIGITS = 9


class ListPagination(BasePagination):
    """Set by a view: `sort_fields` (name in the API → a column that is never null, `id`, or a
    SortColumn) and `default_sort`. Ids are UUIDv7, so that `{"createdAt": "id"}` sorts by time with
    one index. `find_total` is set for a list whose number of rows may be known without counting.
    What has to be counted is exact up to `exact_total`.
    """

    exact_total = EXACT_TOTAL

    find_total: Callable[[], int | None] = staticmethod(lambda: None)

    def paginate_queryset(
        self,
        queryset: QuerySet[Any],  # type: ignore[override] # a plain list needs no database
        request: Request,
        view: Any = None,
    ) -> list[Any]:
        """One page of the queryset. Raises Invalid: a parameter is wrong, or the page lies too
        deep."""
        params = request.query_params
        self._limit = _number(params, "limit", DEFAULT_LIMIT, MAX_LIMIT)
        self._sort = _sort_of(params, view)
        cursor, offset = None, 0
        if text := params.get("cursor"):
            cursor = Cursor.decode(text, self._sort, queryset.model)
            self._page = cursor.page
        else:
            self._page = _number(params, "page", 1, 10**_NUMBER_DIGITS - 1)
            offset = _offset(self._page, self._limit)
        found, valued = self._read(queryset, self._sort, cursor, offset, self._limit + 1)
        self._next = self._cursor_after(found, valued) if len(found) > self._limit else None
        self._total, self._is_estimate = self._count(queryset, found)
        return found[: self._limit]

    def _read(
        self, queryset: QuerySet[Any], sort: Sort, cursor: Cursor | None, offset: int, count: int
    ) -> tuple[list[Any], int]:
        return read_behind(queryset, sort, cursor, offset, count)

    def _cursor_after(self, found: Sequence[Model], valued: int) -> str:
        """`valued`: how many of the rows have a value of the sorted column."""
        last = found[self._limit - 1]
        has_value = self._limit <= valued
        return Cursor.at(last, self._sort, self._page + 1, has_value=has_value).encode()

    def _count(self, queryset: QuerySet[Any], found: Sequence[Any]) -> tuple[int, bool]:
        if self._page == 1 and len(found) <= self._limit:
            return len(found), False
        if (total := self.find_total()) is not None:
            return total, False
        return self._count_rows(queryset, found)

    def _count_rows(self, queryset: QuerySet[Any], found: Sequence[Any]) -> tuple[int, bool]:
        return count_or_estimate(queryset)

    def get_page(self, data: Any) -> dict[str, Any]:
        """The page that was read, with its rows as JSON."""
        return {
            "data": data,
            "page": self._page,
            "limit": self._limit,
            "total": self._total,
            "totalIsEstimate": self._is_estimate,
            "nextCursor": self._next,
        }

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["data", "page", "limit", "total", "totalIsEstimate", "nextCursor"],
            "properties": {
                "data": schema,
                "page": {"type": "integer", "minimum": 1},
                "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
                "total": {"type": "integer", "minimum": 0},
                "totalIsEstimate": {
                    "type": "boolean",
                    "description": f"Totals up to {self.exact_total} are exact.",
                },
                "nextCursor": {"type": ["string", "null"]},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        names = [sign + name for name in getattr(view, "sort_fields", {}) for sign in ("", "-")]
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        sort = {"type": "string", "enum": names, "default": getattr(view, "default_sort", "")}
        return [
            _parameter(
                "page",
                {"type": "integer", "minimum": 1, "default": 1},
                f"At most {MAX_OFFSET} rows deep; beyond that use `cursor`.",
            ),
            _parameter("limit", limit, "Rows on a page."),
            _parameter(
                "cursor",
                {"type": "string"},
                "`nextCursor` of the page before, with the same `sort` and filters.",
            ),
            _parameter("sort", sort, "A leading `-` puts the greatest first."),
            _parameter(
                "fields",
                {"type": "string"},
                "Names of fields, separated by commas: each row has only these.",
            ),
        ]


def _number(params: Mapping[str, str], name: str, default: int, maximum: int) -> int:
    text = params.get(name)
    if text is None or text == "":
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS
    if not is_number or not 1 <= int(text) <= maximum:
        raise _wrong(name, f"This must be a whole number from 1 to {maximum}.")
    return int(text)


def _offset(page: int, limit: int) -> int:
    offset = (page - 1) * limit
    if offset > MAX_OFFSET:
        raise _wrong(
            "page",
            f"Pages end at row {MAX_OFFSET}; use `cursor` (`nextCursor` of a page).",
        )
    return offset


def _sort_of(params: Mapping[str, str], view: Any) -> Sort:
    allowed: Mapping[str, str | SortColumn] = getattr(view, "sort_fields", {"createdAt": "id"})
    text = str(params.get("sort") or getattr(view, "default_sort", "-createdAt"))
    name = text.removeprefix("-")
    if name not in allowed:
        raise _wrong("sort", f"This must be one of {', '.join(allowed)}, with or without a `-`.")
    return Sort.of(text, allowed[name])


def _wrong(name: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(field=name, message=message)])


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }
