"""Cursors: where a list goes on, as text that only this server needs to understand."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q

from controlplane.core.errors import FieldError, Invalid

_LONGEST = 2_000
_MAX_PAGE = 10**9


@dataclass(frozen=True, slots=True)
class Sort:
    """An allowed order: its name in the API, its column, its direction. The id breaks ties."""

    name: str
    column: str
    is_descending: bool

    @property
    def order_by(self) -> list[str]:
        """For QuerySet.order_by."""
        sign = "-" if self.is_descending else ""
        columns = [self.column] if self.column == "id" else [self.column, "id"]
        return [sign + column for column in columns]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its value in the sorted column and its id."""

    sort: str
    value: Any
    row: Any
    page: int

    @classmethod
    def at(cls, row: Model, sort: Sort, page: int) -> "Cursor":
        """The cursor behind this row."""
        return cls(sort.name, getattr(row, sort.column), row.pk, page)

    def encode(self) -> str:
        """As text for a query parameter."""
        text = orjson.dumps([self.sort, self.value, self.row, self.page], default=str)
        return urlsafe_b64encode(text).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str, sort: Sort, model: type[Model]) -> "Cursor":
        """Read what `encode` wrote.

        Raises:
            Invalid: it is no such text, or belongs to another sort.
        """
        try:
            name, value, row, page = orjson.loads(
                urlsafe_b64decode(text[:_LONGEST] + "=" * (-len(text) % 4))
            )
            found = cls(
                name,
                _python_value(model, sort.column, value),
                _python_value(model, "id", row),
                page,
            )
        except (ValueError, TypeError, ValidationError):
            raise _wrong("This is not a cursor of this list.") from None
        if not (isinstance(page, int) and 1 <= page <= _MAX_PAGE):
            raise _wrong("This is not a cursor of this list.")
        if name != sort.name:
            raise _wrong("This cursor belongs to another `sort`; send the same `sort`.")
        return found

    def condition(self, sort: Sort) -> Q:
        """What lies behind the cursor, in a form that an index on (column, id) can serve."""
        beyond = "lt" if sort.is_descending else "gt"
        if sort.column == "id":
            return Q(**{f"id__{beyond}": self.row})
        return Q(**{f"{sort.column}__{beyond}e": self.value}) & (
            Q(**{f"{sort.column}__{beyond}": self.value}) | Q(**{f"id__{beyond}": self.row})
        )


def _python_value(model: type[Model], column: str, value: Any) -> Any:
    field = model._meta.get_field(column)
    if value is None or not isinstance(field, Field):
        raise TypeError("A cursor holds a value of a column.")
    return field.to_python(value)


def _wrong(message: str) -> Invalid:
    return Invalid(errors=[FieldError(field="cursor", message=message)])
