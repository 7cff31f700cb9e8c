"""The only way in which a resource is output: responses, lists, exports, `--json`, pages, logs.
Text from users (payloads, results, errors, log lines) passes through `represent_value` only:
tests/integration/test_doors.py checks all routes.
"""

import types
from collections.abc import Callable, Iterable, Mapping
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

Read = Callable[[Any, Any], Any]
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
    return {name: read(resource, actor) for name, read in _plan(schema, fields)}


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
def _plan(
    schema: type[pydantic.BaseModel], fields: tuple[str, ...] | None
) -> tuple[tuple[str, Read], ...]:
    known = shown_fields(schema)
    return tuple((name, _reader(*known[name])) for name in (fields or known))


def _reader(name: str, info: FieldInfo, how: Shown) -> Read:
    get = how.compute or _getter(how.source or name)
    if how.guard is not None:
        read = _guarded(get, how.guard)
    else:
        read = _converted(get, _converter(info.annotation))
    return read if how.role is None else _for_role(read, how.role)


def _getter(source: str) -> Callable[[Any], Any]:
    attribute = attrgetter(source)

    def get(resource: Any) -> Any:
        return resource[source] if type(resource) is dict else attribute(resource)

    return get


def _guarded(get: Callable[[Any], Any], kind: Kind) -> Read:
    return lambda resource, actor: represent_value(kind, get(resource), actor)


def _converted(get: Callable[[Any], Any], convert: Convert | None) -> Read:
    if convert is None:
        return lambda resource, actor: get(resource)

    def read(resource: Any, actor: Any) -> Any:
        value = get(resource)
        return None if value is None else convert(value, actor)

    return read


def _for_role(read: Read, role: str) -> Read:
    def read_if_allowed(resource: Any, actor: Any) -> Any:
        is_allowed = actor is None or (actor.role is not None and actor.role.includes(role))
        return read(resource, actor) if is_allowed else None

    return read_if_allowed


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
