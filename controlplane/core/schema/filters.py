"""Filters, declared once: a frozen dataclass whose fields are conditions.

    @dataclass(frozen=True, slots=True)
    class LetterFilter:
        ids: tuple[UUID, ...] = condition("id", Ids(), "Comma-separated list.")

From it come the reader of a query string, the reader of a JSON object (bulk actions), the
parameters in the OpenAPI document and the options of a command (`core.console.derived`).
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from controlplane.core.clock import as_moment, utc_z
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.schema.base import REQUIRED_FIELD
from controlplane.core.schema.values import FilterError, Moment, Values, split_values

_MAX_NAME_SHOWN = 200
# A query string has these beside the conditions.
_IGNORED = frozenset({"format"})

F = TypeVar("F")


class QueryParams(Protocol):
    """The part of Django's QueryDict that is used."""

    def __iter__(self) -> Iterator[str]: ...
    def getlist(self, key: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """One parameter of a filter."""

    name: str
    values: Values
    help: str
    is_required: bool = False

    @property
    def description(self) -> str:
        """The help with the form of the values, for readers of the API."""
        return f"{self.help} {self.values.form}".strip()


def condition(
    name: str,
    values: Values,
    help: str = "",  # noqa: A002 - as Django calls it
    *,
    is_required: bool = False,
) -> Any:
    """A field of a filter: its name in the API, and the values that it accepts."""
    found = Condition(name, values, help, is_required)
    return dataclasses.field(default=values.empty, metadata={"condition": found})


def conditions(schema: type[Any]) -> dict[str, tuple[str, Condition]]:
    """By the name in the API: the attribute, and the condition."""
    return {
        found.name: (field.name, found)
        for field in dataclasses.fields(schema)
        if (found := field.metadata.get("condition"))
    }


def read_query(
    schema: type[F], params: QueryParams, *, ignore: Iterable[str] = (), **more: Any
) -> F:
    """The filter of a query string; see `split_values`. `ignore`: other parameters that are
    allowed; `more`: values of fields that are not conditions. A time may be an age such as `1h`: a
    link with it always means the last hour. Bodies have no ages, since what they select is kept.

    Raises Invalid for an unknown parameter or a wrong value.
    """
    ignored = {*ignore, *_IGNORED}
    known = conditions(schema)
    given: dict[str, Sequence[Any]] = {}
    for name in params:
        if name in ignored:
            continue
        texts = params.getlist(name)
        is_split = name not in known or known[name][1].values.is_split
        values = split_values(texts) if is_split else texts[-1:]
        is_time = name in known and isinstance(known[name][1].values, Moment)
        given[name] = [as_moment(text) for text in values] if is_time else values
    return build(schema, given, **more)


def read_body(schema: type[F], body: Mapping[str, Any], *, field: str = "filter", **more: Any) -> F:
    """The filter of a JSON object: the same names, a value or a list of values each.

    Raises Invalid; field names in it begin with `field`, unless that is empty.
    """
    given = {name: value if isinstance(value, list) else [value] for name, value in body.items()}
    try:
        return build(schema, given, **more)
    except Invalid as error:
        raise Invalid(errors=within(field, error.errors)) from error


def write_body(value: Any) -> dict[str, Any]:
    """The conditions of a filter as a JSON object, as `read_body` reads it."""
    body: dict[str, Any] = {}
    for name, (attribute, wanted) in conditions(type(value)).items():
        found = getattr(value, attribute)
        if found == wanted.values.empty:
            continue
        if isinstance(found, datetime):
            found = utc_z(found)
        body[name] = [str(each) for each in found] if isinstance(found, tuple) else found
    return body


def build(
    schema: type[F],
    given: Mapping[str, Sequence[Any]],
    *,
    errors: Sequence[FieldError] = (),
    also: str = "",
    **more: Any,
) -> F:
    """The filter from lists of values by name. `errors` were found before; `also` are known names
    besides those of the schema."""
    known = conditions(schema)
    found: dict[str, Any] = {}
    problems = list(errors)
    for name, values in given.items():
        field = name[:_MAX_NAME_SHOWN]
        if name not in known:
            names = ", ".join([*known, also] if also else known)
            problems.append({"field": field, "message": f"Unknown; known are {names}."})
            continue
        attribute, wanted = known[name]
        try:
            found[attribute] = wanted.values.read(values)
        except FilterError as error:
            problems.append({"field": field, "message": str(error)})
    problems += [
        {"field": name, "message": REQUIRED_FIELD}
        for name, (attribute, wanted) in known.items()
        if wanted.is_required and name not in given
    ]
    if problems:
        raise Invalid(errors=problems)
    return schema(**found, **more)


def within(field: str, errors: Iterable[FieldError]) -> list[FieldError]:
    """The errors of an object that is a field of another one."""
    return [{**error, "field": ".".join(filter(None, (field, error["field"])))} for error in errors]
