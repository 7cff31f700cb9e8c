"""The columns of a spreadsheet, derived from the schema of a list's rows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import orjson
import pydantic
from pydantic.fields import FieldInfo

from controlplane.core.schema.shown import Shown, shown_fields
from controlplane.core.schema.values import join_values
from controlplane.core.visibletext import visible_text

Kind = Literal["text", "number", "flag", "time", "texts", "json"]
_KINDS: dict[Any, Kind] = {
    bool: "flag",
    int: "number",
    float: "number",
    datetime: "time",
    str: "text",
    UUID: "text",
}
# Inside the strings of JSON these are shown as escapes, which are read back as what they stand for.
_INVISIBLE_IN_JSON = re.compile(
    "[\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\uffff\ue000-\uf8ff"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a spreadsheet. `field` is the field of the row; `part` a field of that one, if it
    is an object."""

    name: str
    field: str
    part: str
    kind: Kind

    def read(self, row: Mapping[str, Any]) -> Any:
        """The value of a represented row: a number, a flag, a text, or None."""
        value = row[self.field]
        if self.part:
            value = value.get(self.part) if isinstance(value, dict) else None
        if value is None or self.kind in ("number", "flag", "time"):
            return value
        if self.kind == "json":
            return dump_visibly(value).decode()
        text = join_values(map(str, value)) if self.kind == "texts" else str(value)
        return visible_text(text, keep_lines=True)


@lru_cache(maxsize=64)
def list_columns(schema: type[pydantic.BaseModel]) -> tuple[Column, ...]:
    """The columns of an export. An object has one for each of its fields, such as `errorClass`."""
    return tuple(
        column
        for name, (_, info, how) in shown_fields(schema).items()
        if how.in_export
        for column in _columns_of(name, info, how)
    )


def fields_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """The fields of a row that these columns need."""
    return tuple(dict.fromkeys(column.field for column in columns))


def dump_visibly(value: Any) -> bytes:
    """The value as JSON in which nothing is invisible or turns round what stands beside it; parsed,
    it is exactly the same."""
    data = orjson.dumps(value)
    if data.isascii() and b"\x7f" not in data:
        return data
    return _INVISIBLE_IN_JSON.sub(_escape, data.decode()).encode()


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _columns_of(name: str, info: FieldInfo, how: Shown) -> Iterator[Column]:
    parts = _parts_of(info.annotation)
    nested = next((each for each in parts if _is_schema(each)), None)
    if nested is None or list in parts:
        yield Column(name, name, "", _kind_of(parts))
        return
    for part, (_, inner, how_inner) in shown_fields(nested).items():
        if how_inner.in_export:
            column = f"{name}{part[:1].upper()}{part[1:]}"
            yield Column(column, name, part, _kind_of(_parts_of(inner.annotation)))


def _kind_of(parts: Sequence[Any]) -> Kind:
    if list in parts:
        inner = [each for each in parts if each is not list]
        return "texts" if inner and all(each in (str, UUID) for each in inner) else "json"
    kinds = {_KINDS.get(each) or _kind_of_class(each) for each in parts}
    return kinds.pop() if len(kinds) == 1 else "json"


def _kind_of_class(part: Any) -> Kind:
    return "text" if isinstance(part, type) and issubclass(part, str) else "json"


def _is_schema(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, pydantic.BaseModel)


def _parts_of(annotation: Any) -> list[Any]:
    """The types of an annotation: `[list, str]` of `list[str] | None`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _parts_of(arguments[0])
    if origin in (Union, UnionType):
        return [part for each in arguments for part in _parts_of(each)]
    if origin is Literal:
        return list({type(each) for each in arguments})
    if origin is list:
        return [list, *_parts_of(arguments[0])]
    return [] if annotation is NoneType else [origin or annotation]
