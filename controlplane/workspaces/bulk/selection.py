"""Which objects an operation is for: by keys, by a filter, or those that an earlier operation
changed or did not come to; checked, as JSON, and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.formatting import shorten
from controlplane.core.ids import parse_uuid
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.bulk import Target

MAX_IDS = 1_000
_MAX_WORDS = 300


@dataclass(frozen=True, slots=True)
class Selection:
    """Exactly one of the three: `ids`, `origin` (an operation), or a filter, which may be empty.
    An operation stands for what it changed, or with `is_rest` for what it did not come to."""

    ids: tuple[str, ...] = ()
    filter: Mapping[str, Any] = field(default_factory=dict)
    origin: UUID | None = None
    is_rest: bool = False

    def to_json(self) -> dict[str, Any]:
        if self.ids:
            return {"ids": list(self.ids)}
        if self.origin is not None:
            return {"operation": str(self.origin), **({"rest": True} if self.is_rest else {})}
        return {"filter": dict(self.filter)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Selection":
        origin = value.get("operation")
        return cls(
            ids=tuple(value.get("ids", ())),
            filter=value.get("filter", {}),
            origin=None if origin is None else parse_uuid(origin),
            is_rest=bool(value.get("rest", False)),
        )


def read_selection(
    target: Target,
    *,
    ids: Sequence[str] | None,
    wanted: Mapping[str, Any] | None,
    origin: UUID | None,
    is_all: bool,
    is_rest: bool = False,
) -> Selection:
    """The checked selection. Raises Invalid: not exactly one of the three, a wrong key, a wrong
    condition, or a filter that selects everything without `all`."""
    given = sum(each is not None for each in (ids, wanted, origin))
    if given > 1 or (given == 0 and not is_all):
        raise _wrong("ids", "Give ids, a filter or an operation: one of the three.")
    if is_rest and origin is None:
        raise _wrong("rest", "It is the rest of an operation: name that.")
    if ids is not None:
        return Selection(ids=_read_keys(target, ids))
    if origin is not None:
        return Selection(origin=origin, is_rest=is_rest)
    conditions = dict(wanted or {})
    if target.is_everything(target.read_filter(conditions)) and not is_all:
        message = f'This selects all {target.plural_noun}: confirm it with "all": true.'
        raise _wrong("filter", message)
    return Selection(filter=conditions)


def describe_selection(target: Target, selection: Selection) -> str:
    """In words, for people."""
    if selection.ids:
        return f"{target.count(len(selection.ids))}, chosen one by one"
    if selection.origin is not None:
        did = "did not come to" if selection.is_rest else "changed"
        return f"those that the operation {selection.origin} {did}"
    parts = [f"{name} {_write(value)}" for name, value in selection.filter.items() if name != "all"]
    return shorten(", ".join(parts), _MAX_WORDS) or f"all {target.plural_noun}"


def _write(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return " or ".join("yes" if each is True else isolated_text(each) for each in values)


def _read_keys(target: Target, texts: Sequence[str]) -> tuple[str, ...]:
    errors: list[FieldError] = []
    keys: list[str] = []
    for index, text in enumerate(texts):
        try:
            keys.append(str(target.read_key(text)))
        except ValueError:
            message = f"This is not the id of a {target.noun}."
            errors.append({"field": f"ids[{index}]", "message": message})
    if errors:
        raise Invalid(errors=errors[:100])
    return tuple(dict.fromkeys(keys))


def _wrong(name: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(field=name, message=message)])
