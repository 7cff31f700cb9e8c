"""The syntax tree of a compiled expression, read from the library's serialized form.

The form is `cel.expr.CheckedExpr` of the public CEL specification (syntax.proto, checked.proto),
with macros already expanded to comprehensions. Only the few fields that are needed are read.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

_VARINT = 0
_FIXED_SIZES = {1: 8, 5: 4}  # bytes, by wire type; what is left is preceded by its length


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One part of an expression; `id` finds its position in the text."""

    id: int


@dataclass(frozen=True, slots=True, eq=False)
class Const(Node):
    """A literal: a text, bytes, a whole number, or None for every other kind."""

    value: str | bytes | int | None


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    """A variable, also one of a macro."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Field(Node):
    """`of.name`; with `is_test`, `has(of.name)`."""

    of: Node
    name: str
    is_test: bool


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """A function, method or operator; the target of a method is its first argument."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Many(Node):
    """A list, a map or a message literal: its elements, keys and values."""

    items: tuple[Node, ...]
    kind: Literal["list", "map", "message"]


@dataclass(frozen=True, slots=True, eq=False)
class Loop(Node):
    """A macro over a list or the keys of a map."""

    variable: str
    over: Node
    result: str  # the name of what it builds
    start: Node
    condition: Node
    step: Node
    end: Node


@dataclass(frozen=True)
class Tree:
    """An expression's root, and the positions of its parts."""

    root: Node
    source_info: bytes

    @functools.cached_property
    def positions(self) -> dict[int, int]:
        """The offset in characters of each node id; read only for errors."""
        entries = (_fields(value) for field, value in _parts(self.source_info) if field == 4)
        return {entry.get(1, 0): entry.get(2, 0) for entry in entries}


def read_tree(serialized: bytes) -> Tree:
    """The tree of `cel.Expression.serialize()`."""
    checked = _fields(_fields(serialized)[2])  # inside an Any
    return Tree(_read(checked[4]), checked.get(5, b""))


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node, in the order in which they are evaluated."""
    match node:
        case Field():
            return (node.of,)
        case Call():
            return node.arguments
        case Many():
            return node.items
        case Loop():
            return (node.over, node.start, node.condition, node.step, node.end)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def walk_first(node: Node) -> Iterator[Node]:
    """A node, and the first part of each: the leftmost comes last."""
    yield node
    while parts := children(node):
        node = parts[0]
        yield node


def _read(data: bytes) -> Node:
    fields = _fields(data)
    number = fields.pop(2, 0)
    if not fields:
        return Const(number, None)
    kind, body = fields.popitem()
    return _READERS[kind](number, body)


def _read_const(number: int, body: bytes) -> Node:
    fields = _fields(body)
    if 6 in fields:
        return Const(number, fields[6].decode())
    if 3 in fields:
        value: int = fields[3]
        return Const(number, value - (1 << 64) if value >> 63 else value)
    if 7 in fields:
        return Const(number, bytes(fields[7]))
    return Const(number, None)


def _read_name(number: int, body: bytes) -> Node:
    return Name(number, _text(_fields(body), 1).lstrip("."))


def _read_field(number: int, body: bytes) -> Node:
    fields = _fields(body)
    return Field(number, _read(fields[1]), _text(fields, 2), bool(fields.get(3, 0)))


def _read_call(number: int, body: bytes) -> Node:
    function = ""
    arguments: list[Node] = []
    for field, value in _parts(body):
        if field == 2:
            function = value.decode()
        elif field == 1:
            arguments.insert(0, _read(value))
        else:
            arguments.append(_read(value))
    return Call(number, function, tuple(arguments))


def _read_list(number: int, body: bytes) -> Node:
    items = tuple(_read(value) for field, value in _parts(body) if field == 1)
    return Many(number, items, "list")


def _read_map(number: int, body: bytes) -> Node:
    items: list[Node] = []
    kind: Literal["map", "message"] = "map"
    for field, value in _parts(body):
        if field == 1:
            kind = "message"
        elif field == 2:
            entry = _fields(value)
            items += [_read(entry[part]) for part in (3, 4) if part in entry]
    return Many(number, tuple(items), kind)


def _read_loop(number: int, body: bytes) -> Node:
    fields = _fields(body)
    return Loop(
        number,
        variable=_text(fields, 1),
        over=_read(fields[2]),
        result=_text(fields, 3),
        start=_read(fields[4]),
        condition=_read(fields[5]),
        step=_read(fields[6]),
        end=_read(fields[7]),
    )


_READERS = {
    3: _read_const,
    4: _read_name,
    5: _read_field,
    6: _read_call,
    7: _read_list,
    8: _read_map,
    9: _read_loop,
}


def _text(fields: dict[int, Any], number: int) -> str:
    found: bytes = fields.get(number, b"")
    return found.decode()


def _fields(data: bytes) -> dict[int, Any]:
    return dict(_parts(data))


def _parts(data: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers with their values, in the wire format of protocol buffers."""
    at, end = 0, len(data)
    while at < end:
        tag, at = (data[at], at + 1) if data[at] < 128 else _varint(data, at)
        kind = tag & 7
        size = _FIXED_SIZES.get(kind)
        if size is None:
            size, at = (data[at], at + 1) if data[at] < 128 else _varint(data, at)
            if kind == _VARINT:
                yield tag >> 3, size
                continue
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
