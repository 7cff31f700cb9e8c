"""How a field is shown: its source, who can see it, and where."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import pydantic
from pydantic.fields import FieldInfo

Kind = Literal["payload", "result", "error", "log"]
Place = Literal["list", "export"]


@dataclass(frozen=True, slots=True)
class Shown:
    """How a field of a resource is shown.

    `source` is the attribute, with dots; `compute` makes the value of the resource instead.
    `guard` names what users wrote: `represent_value` decides what of it leaves. `role` is the
    smallest role that sees the value; others see null. `defer` is a column that is read for this
    field only, and worth leaving out.
    """

    source: str | None = None
    compute: Callable[[Any], Any] | None = None
    guard: Kind | None = None
    role: str | None = None
    in_list: bool = True
    in_export: bool = True
    defer: str | None = None


_PLAIN = Shown()


def shown(
    help: str | None = None,  # noqa: A002 - as Django calls it
    *,
    source: str | None = None,
    compute: Callable[[Any], Any] | None = None,
    guard: Kind | None = None,
    role: str | None = None,
    in_list: bool = True,
    in_export: bool = True,
    defer: str | None = None,
    **options: Any,
) -> Any:
    """A field of a Resource; see Shown. `options` are those of pydantic's Field."""
    info: FieldInfo = pydantic.Field(description=help, **options)
    info.metadata.append(
        Shown(
            source=source,
            compute=compute,
            guard=guard,
            role=role,
            in_list=in_list,
            in_export=in_export,
            defer=defer,
        )
    )
    return info


def itself(resource: Any) -> Any:
    """For `compute`: the field shows a group of values of the resource."""
    return resource


@lru_cache(maxsize=256)
def shown_fields(schema: type[pydantic.BaseModel]) -> dict[str, tuple[str, FieldInfo, Shown]]:
    """By the name in the API: the attribute, the field, and how it is shown."""
    return {
        info.alias or name: (name, info, _shown_of(info))
        for name, info in schema.model_fields.items()
    }


def field_names(schema: type[pydantic.BaseModel], place: Place | None = None) -> list[str]:
    """Names in the API of the fields that stand in a list or an export; all for None."""
    return list(_names(schema, place))


def deferred_columns(
    schema: type[pydantic.BaseModel], fields: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Columns that these fields do not need; `fields` None means all."""
    if fields is None:
        return ()
    return tuple(
        how.defer
        for name, (_, _, how) in shown_fields(schema).items()
        if how.defer and name not in fields
    )


def _names(schema: type[pydantic.BaseModel], place: Place | None) -> Iterator[str]:
    for name, (_, _, how) in shown_fields(schema).items():
        in_place = {None: True, "list": how.in_list, "export": how.in_export}
        if in_place[place]:
            yield name


def _shown_of(info: FieldInfo) -> Shown:
    return next((part for part in info.metadata if isinstance(part, Shown)), _PLAIN)
