"""The only way in which a resource is output: responses, lists, exports, `--json`, pages, logs.
Text from users (payloads, results, errors, log lines) passes through `represent_value` only:
tests/integration/test_doors.py checks all routes.
"""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import pydantic
from pydantic.fields import FieldInfo

from controlplane.core.clock import utc_z
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.schema.shown import Kind, Shown, shown_fields

MESSAGE_LENGTH = 200  # of an error in a row
_NAME_SHOWN = 100

Compute = Callable[[Any], Any]
Convert = Callable[[Any, Any], Any]


def represent(
    schema: type[pydantic.BaseModel],
    resource: Any,
    actor: Any,
    *,
    fields: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """The resource as JSON values, all of its schema's fields or only these, as the actor may see
    it. `actor` None means the platform itself, which sees everything."""
    return _plan(schema, fields).read(resource, actor)


def represent_row(
    schema: type[pydantic.BaseModel],
    resource: Any,
    actor: Any,
    *,
    fields: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """As `represent`, as a row of a list: an error without its traceback, its message cut."""
    row = represent(schema, resource, actor, fields=fields or _list_fields(schema))
    if isinstance(row.get("error"), Mapping):
        row["error"] = shorten_error(row["error"])
    return row


def represent_value(kind: Kind, value: Any, actor: Any) -> Any:
    """The part of a payload, a result, an error or a log line that the actor may see: today all of
    it, to everybody who may read the task. A mask belongs here, where all output passes.
    """
    return value


@lru_cache(maxsize=256)
def _list_fields(schema: type[pydantic.BaseModel]) -> tuple[str, ...]:
    return tuple(name for name, (_, _, how) in shown_fields(schema).items() if how.in_list)


@lru_cache(maxsize=512)
def _plan(schema: type[pydantic.BaseModel], fields: tuple[str, ...] | None) -> "_Plan":
    known = shown_fields(schema)
    return _Plan({name: known[name] for name in (fields or known)})


class _Plan:
    """How some fields of a schema are read: all attributes by one call, since a call for each takes
    longer than all the rest."""

    def __init__(self, fields: Mapping[str, tuple[str, FieldInfo, Shown]]) -> None:
        self._blank = dict.fromkeys(fields)  # the order of the fields
        self._computed: list[tuple[str, Compute, str | None]] = []
        self._guarded: list[tuple[str, Kind]] = []
        self._converted: list[tuple[str, Convert]] = []
        sources: dict[str, str] = {}
        for name, (attribute, info, how) in fields.items():
            source = how.source or attribute
            if how.compute is None and how.role is None:
                sources[name] = source
            else:
                self._computed.append((name, how.compute or _reader(source), how.role))
            if how.guard is not None:
                self._guarded.append((name, how.guard))
            elif (convert := _converter(info.annotation)) is not None:
                self._converted.append((name, convert))
        self._names = tuple(sources)
        self._read_sources = _group_reader(tuple(sources.values()))

    def read(self, resource: Any, actor: Any) -> dict[str, Any]:
        """The fields as JSON values, as the actor may see them."""
        row: dict[str, Any] = self._blank.copy()
        row.update(zip(self._names, self._read_sources(resource), strict=True))
        for name, compute, role in self._computed:
            if role is None or _is_allowed(actor, role):
                row[name] = compute(resource)
        for name, kind in self._guarded:
            row[name] = represent_value(kind, row[name], actor)
        for name, convert in self._converted:
            if (value := row[name]) is not None:
                row[name] = convert(value, actor)
        return row


def _reader(source: str) -> Compute:
    """What reads this attribute of an object, or this item of a dict."""
    attribute = attrgetter(source)
    return lambda resource: resource[source] if type(resource) is dict else attribute(resource)


def _group_reader(sources: tuple[str, ...]) -> Callable[[Any], Sequence[Any]]:
    """What reads all of these at once."""
    if len(sources) < 2:  # attrgetter then makes no tuple
        readers = [_reader(source) for source in sources]
        return lambda resource: [read(resource) for read in readers]
    attributes = attrgetter(*sources)

    def read(resource: Any) -> Sequence[Any]:
        if type(resource) is dict:
            return [resource[source] for source in sources]
        return attributes(resource)

    return read


def _is_allowed(actor: Any, role: str) -> bool:
    return actor is None or (actor.role is not None and actor.role.includes(role))


def _converter(annotation: Any) -> Convert | None:
    """The function that turns a value of this type into JSON; None if it already is JSON."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _converter(arguments[0])
    if origin in (Union, types.UnionType):
        return next((found for each in arguments if (found := _converter(each))), None)
    if origin in (list, tuple):
        return _each(_converter(arguments[0]))
    if origin is dict:
        return _each_value(_converter(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return lambda value, actor: represent(annotation, value, actor)
    return _SCALARS.get(annotation)


def _each(convert: Convert | None) -> Convert:
    if convert is None:
        return lambda values, actor: list(values)
    return lambda values, actor: [convert(value, actor) for value in values]


def _each_value(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda values, actor: {name: convert(value, actor) for name, value in values.items()}


_SCALARS: dict[Any, Convert] = {
    datetime: lambda value, actor: utc_z(value),
    UUID: lambda value, actor: str(value),
    float: lambda value, actor: float(value),
}


def read_fields(text: str | None, known: Iterable[str]) -> tuple[str, ...] | None:
    """The names of the parameter `fields`, separated by commas; None for all.

    Raises Invalid, which names each unknown field.
    """
    if text is None:
        return None
    allowed = list(known)
    names = tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if not names:
        raise Invalid(errors=[_error(f"Name at least one of {', '.join(allowed)}.")])
    if unknown := [name for name in names if name not in allowed]:
        choices = f"The fields are {', '.join(allowed)}."
        raise Invalid(
            errors=[_error(f"Unknown field {name[:_NAME_SHOWN]!r}. {choices}") for name in unknown]
        )
    return names


def shorten_error(error: Mapping[str, Any]) -> dict[str, Any]:
    """An error without its traceback, and with only the beginning of its message."""
    short = {name: value for name, value in error.items() if name != "traceback"}
    message = short.get("message")
    if isinstance(message, str) and len(message) > MESSAGE_LENGTH:
        short["message"] = message[: MESSAGE_LENGTH - 1] + "…"
    return short


def _error(message: str) -> FieldError:
    return FieldError(field="fields", message=message)
