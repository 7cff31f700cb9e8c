"""Upper bounds of values and of regular expressions, for the estimate of an expression."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SLOT = 16  # bytes that the library spends on a value beside its text
MAX_FIELDS = 100  # of an object whose fields are kept apart

UNKNOWN: Any = object()


@dataclass(frozen=True, slots=True)
class Shape:
    """A bound for a value, or for all possible values of a part of an expression. `weight` is its
    total bytes, `length` its elements, keys or characters, `item` a bound for one element, or for
    one value of an object whose `fields` are not stored separately. `value` is the value itself, if
    it is known.
    """

    weight: int
    length: int = 0
    item: "Shape | None" = None
    fields: dict[str, "Shape"] | None = None
    key: "Shape | None" = None  # of an object: its longest key
    value: Any = UNKNOWN

    def element(self) -> "Shape":
        """A bound for one element, or for one value of an object."""
        shapes = [] if self.item is None else [self.item]
        return join([*shapes, *(self.fields or {}).values()])

    def field(self, name: object) -> "Shape":
        """A bound for the value of this key or index."""
        if self.fields is not None and isinstance(name, str):
            return self.fields.get(name) or self.item or SCALAR
        return self.element()


SCALAR = Shape(SLOT)


def measure(value: Any) -> Shape:
    """The shape of a JSON value, or of bytes."""
    if isinstance(value, str):
        length = len(value)
        size = length if value.isascii() else len(value.encode(errors="replace"))
        return Shape(SLOT + size, length, value=value)
    if isinstance(value, bytes):
        return Shape(SLOT + len(value), len(value), value=value)
    if isinstance(value, list | tuple):
        return list_of(measure(item) for item in value)
    if isinstance(value, dict):
        return object_of((str(key), measure(item)) for key, item in value.items())
    return SCALAR


def list_of(shapes: Iterable[Shape]) -> Shape:
    items = list(shapes)
    weight = SLOT + sum(SLOT + item.weight for item in items)
    return Shape(weight, len(items), item=join(items) if items else None)


def object_of(pairs: Iterable[tuple[str, Shape]]) -> Shape:
    """An object with these keys and values."""
    fields = dict(pairs)
    longest = max((len(name) for name in fields), default=0)
    keys = Shape(SLOT + 4 * longest, longest)
    weight = SLOT + sum(SLOT + 4 * len(key) + item.weight for key, item in fields.items())
    if len(fields) > MAX_FIELDS:
        return Shape(weight, len(fields), item=join(list(fields.values())), key=keys)
    return Shape(weight, len(fields), fields=fields, key=keys)


def join(shapes: list[Shape]) -> Shape:
    """One bound for all of these."""
    if not shapes:
        return SCALAR
    bound = shapes[0]
    for shape in shapes[1:]:
        if shape is not bound:
            bound = _join(bound, shape)
    return bound


def _join(one: Shape, other: Shape) -> Shape:
    return Shape(
        max(one.weight, other.weight),
        max(one.length, other.length),
        item=_join_maybe(one.item, other.item),
        fields=_join_fields(one.fields, other.fields),
        key=_join_maybe(one.key, other.key),
    )


def _join_maybe(one: Shape | None, other: Shape | None) -> Shape | None:
    if one is None or other is None or one is other:
        return one or other
    return _join(one, other)


def _join_fields(
    one: dict[str, Shape] | None, other: dict[str, Shape] | None
) -> dict[str, Shape] | None:
    if one is None or other is None:
        return one or other
    joined = dict(one)
    for name, shape in other.items():
        joined[name] = _join(joined[name], shape) if name in joined else shape
    return joined


_CLASS = 8  # instructions of a class or a dot: its ranges in UTF-8
_NAMED = 300  # of a class such as \\pL


def measure_pattern(pattern: str) -> int:
    """A bound for the instructions of a pattern: `x{m,n}` counts as n times x.

    RE2 takes time in proportion to the text times this, whatever the pattern is (Russ Cox,
    "Regular Expression Matching in the Wild", 2010).
    """
    open_sums, total, atom, at = [], 1, 0, 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "(":
            open_sums.append(total)
            total, atom = 1, 0
        elif char == ")" and open_sums:
            atom = total + 2
            total = open_sums.pop() + atom
        elif char == "{":
            times, at = _read_times(pattern, at)
            total += atom * max(0, times - 1)
            atom *= max(1, times)
        else:
            atom, at = _read_atom(pattern, char, at)
            total += atom
    return total + sum(open_sums)


def _read_times(pattern: str, at: int) -> tuple[int, int]:
    end = pattern.find("}", at)
    numbers = [part for part in pattern[at : max(at, end)].split(",") if part.strip()]
    if end < 0 or not all(part.strip().isdecimal() and len(part) < 9 for part in numbers):
        return 1, at
    return max((int(part) for part in numbers), default=1), end + 1


def _read_atom(pattern: str, char: str, at: int) -> tuple[int, int]:
    if char == "\\":
        if pattern[at : at + 1] not in ("p", "P"):
            return _CLASS, at + 1
        end = pattern.find("}", at) if pattern[at + 1 : at + 2] == "{" else at + 1
        return _NAMED, max(end, at + 1) + 1
    if char == "[":
        end = pattern.find("]", at + 1)
        inside = pattern[at : max(at, end)]
        return _CLASS + 2 * len(inside) + _NAMED * inside.lower().count("\\p"), max(at, end + 1)
    return (_CLASS if char == "." or not char.isascii() else 2), at
