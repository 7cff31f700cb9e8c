"""Sorted lists: how they are read and counted, and cursors: where one goes on, as text that only
this server needs to understand."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from django.db.models.expressions import Combinable

from controlplane.core.errors import FieldError, Invalid

_LONGEST = 2_000
_MAX_PAGE = 10**9
# The cost of counting grows with the count; above this the planner's estimate is used.
EXACT_TOTAL = 10_000


@dataclass(frozen=True, slots=True)
class SortColumn:
    """A sort key of a list: a column, or an expression that is selected by that name. `parts` are
    the conditions for rows that have a value: disjoint ranges of it, ascending. An index on
    (column, id) can serve each of them. All other rows come last in either direction, by id.
    Without `parts` every row has a value.
    """

    column: str
    parts: tuple[Q, ...] = ()
    expression: Combinable | None = None
    field: Field[Any, Any] | None = None  # the type of the expression


@dataclass(frozen=True, slots=True)
class Sort:
    """An allowed order: its name in the API, its column, its direction. The id breaks ties."""

    name: str
    by: SortColumn
    is_descending: bool

    @classmethod
    def of(cls, name: str, by: str | SortColumn) -> "Sort":
        """The order that a parameter names; a leading `-` reverses it."""
        column = SortColumn(by) if isinstance(by, str) else by
        return cls(name, column, is_descending=name.startswith("-"))

    @property
    def column(self) -> str:
        """The name of the value in a row."""
        return self.by.column

    @property
    def reversed(self) -> "Sort":
        """The order from the end of the list."""
        return Sort(self.name, self.by, not self.is_descending)

    @property
    def order_by(self) -> list[str]:
        return [*([] if self.column == "id" else [self._signed(self.column)]), self._signed("id")]

    def split(self, queryset: QuerySet[Any]) -> tuple[list[QuerySet[Any]], QuerySet[Any] | None]:
        """The rows that have a value, in ordered parts, and those without one."""
        if self.by.expression is not None:
            queryset = queryset.annotate(**{self.column: self.by.expression})
        if not self.by.parts:
            return [queryset.order_by(*self.order_by)], None
        parts = [queryset.filter(part).order_by(*self.order_by) for part in self.by.parts]
        rest = queryset.order_by(self._signed("id"))
        for part in self.by.parts:
            rest = rest.filter(~part)
        return parts[::-1] if self.is_descending else parts, rest

    def _signed(self, column: str) -> str:
        return ("-" if self.is_descending else "") + column


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its value in the sorted column, None without one, and its id."""

    sort: str
    value: Any
    row: Any
    page: int

    @classmethod
    def at(cls, row: Model, sort: Sort, page: int, *, has_value: bool = True) -> "Cursor":
        """The cursor behind this row."""
        value = getattr(row, sort.column) if has_value else None
        return cls(sort.name, value, row.pk, page)

    def encode(self) -> str:
        text = orjson.dumps([self.sort, self.value, self.row, self.page], default=str)
        return urlsafe_b64encode(text).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str, sort: Sort, model: type[Model]) -> "Cursor":
        """Read the text of `encode`. Raises: Invalid: the text is not a cursor, or belongs to
        another sort.
        """
        try:
            name, value, row, page = orjson.loads(
                urlsafe_b64decode(text[:_LONGEST] + "=" * (-len(text) % 4))
            )
            if value is not None or not sort.by.parts:
                value = _python_value(sort.by.field or model._meta.get_field(sort.column), value)
            found = cls(name, value, _python_value(model._meta.get_field("id"), row), page)
        except (ValueError, TypeError, ValidationError):
            raise _wrong("This is not a cursor of this list.") from None
        if not (isinstance(page, int) and 1 <= page <= _MAX_PAGE):
            raise _wrong("This is not a cursor of this list.")
        if name != sort.name:
            raise _wrong("This cursor belongs to another `sort`; send the same `sort`.")
        return found

    def condition(self, sort: Sort) -> Q:
        """The condition for rows after the cursor, in a form that an index on (column, id) can
        serve."""
        beyond = "lt" if sort.is_descending else "gt"
        if sort.column == "id" or self.value is None:
            return Q(**{f"id__{beyond}": self.row})
        return Q(**{f"{sort.column}__{beyond}e": self.value}) & (
            Q(**{f"{sort.column}__{beyond}": self.value}) | Q(**{f"id__{beyond}": self.row})
        )


def count_or_estimate(queryset: QuerySet[Any], limit: int | None = None) -> tuple[int, bool]:
    """How many rows, and whether that is the planner's estimate: beyond `limit`, or EXACT_TOTAL."""
    plain = queryset.order_by()
    limit = EXACT_TOTAL if limit is None else limit
    counted = plain[: limit + 1].count()
    if counted <= limit:
        return counted, False
    return max(estimate_rows(plain), counted), True


def estimate_rows(queryset: QuerySet[Any]) -> int:
    """The planner's estimate of their number."""
    plan = json.loads(queryset.order_by().explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


def read_behind(
    queryset: QuerySet[Any], sort: Sort, cursor: Cursor | None, offset: int, count: int
) -> tuple[list[Any], int]:
    """Up to `count` rows behind the cursor or the offset, and how many of them have a value in the
    sorted column. One ordered read for each part of the sort that is needed: no index serves an
    order in which nulls are last in both directions.
    """
    parts, rest = sort.split(queryset)
    found: list[Any] = []
    if cursor is None or cursor.value is not None:
        behind = Q() if cursor is None else cursor.condition(sort)
        for part in parts:
            offset = _add(found, part.filter(behind), offset, count)
    number = len(found)
    if rest is not None:
        if cursor is not None and cursor.value is None:
            rest = rest.filter(cursor.condition(sort))
        _add(found, rest, offset, count)
    return found, number


def read_before(
    queryset: QuerySet[Any], sort: Sort, cursor: Cursor, count: int
) -> tuple[list[Any], int]:
    """Up to `count` rows right before the row of the cursor, in the order of the list, and how many
    of them have a value in the sorted column."""
    backwards = sort.reversed
    parts, rest = backwards.split(queryset)
    found: list[Any] = []
    if rest is not None and cursor.value is None:
        _add(found, rest.filter(cursor.condition(backwards)), 0, count)
    without = len(found)
    ahead = Q() if cursor.value is None else cursor.condition(backwards)
    for part in parts:
        _add(found, part.filter(ahead), 0, count)
    return found[::-1], len(found) - without


def read_sorted(queryset: QuerySet[Any], sort: Sort, count: int) -> list[Any]:
    """The beginning of a sorted list."""
    return read_behind(queryset, sort, None, 0, count)[0]


def _add(found: list[Any], rows: QuerySet[Any], offset: int, count: int) -> int:
    """Add rows until there are `count`. Returns how much of the offset is left."""
    if (missing := count - len(found)) <= 0:
        return 0
    more = list(rows[offset : offset + missing])
    found += more
    # At most MAX_OFFSET rows are counted.
    return 0 if more or not offset else offset - rows[:offset].count()


def _python_value(field: Any, value: Any) -> Any:
    if value is None or not isinstance(field, Field):
        raise TypeError("A cursor holds a value of a column.")
    found = field.to_python(value)
    if found is None:
        raise TypeError("A cursor holds a value of a column.")
    return found


def _wrong(message: str) -> Invalid:
    return Invalid(errors=[FieldError(field="cursor", message=message)])
