"""Turns the library's messages about failed evaluations into helpful ones."""

import re
from collections.abc import Mapping
from typing import Any

from workflows.language.cel import MAX_ITERATIONS, explain_types
from workflows.language.errors import ExpressionError
from workflows.language.nodes import Call, Const, Field, Node, Tree, walk
from workflows.language.reads import Path, path_of, show_path

_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_MISSING = re.compile(r'Key not found in map : (?:"(.*)"|(.*))', re.DOTALL)
_OVERLOAD = re.compile(r"No matching overloads found : (\S+?)(?:\((.*)\))?$", re.DOTALL)
_INDEX = re.compile(r"Index error: index=(-?\d+) size=(\d+)")
_TYPES = {
    "int64": "int",
    "uint64": "uint",
    "null_type": "null",
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
}
_NAMES = {bool: "a bool", int: "an int", float: "a double", str: "a string", list: "a list"}
_ABSENT: Any = object()


def explain_failure(raw: str, text: str, tree: Tree, values: Mapping[str, Any]) -> ExpressionError:
    """The error of an evaluation, with its column if that is known."""
    raw = _STATUS.sub("", raw.splitlines()[0] if raw else "It cannot be evaluated")
    if "Iteration budget" in raw:
        return ExpressionError(f"The macros need more than {MAX_ITERATIONS:,} iterations.")
    if missing := _MISSING.search(raw):
        name = missing[1] if missing[1] is not None else missing[2]
        return _explain_missing(name, text, tree, values)
    if raw.startswith("Applying SELECT"):
        return _explain_select(text, tree, values)
    if overload := _OVERLOAD.search(raw):
        types = [_TYPES.get(one, one) for one in overload[2].split(", ")] if overload[2] else []
        node = _find_call(tree, overload[1])
        return ExpressionError(explain_types(overload[1], types), _column(tree, node))
    if index := _INDEX.search(raw):
        message = f"There is no element {index[1]}: the list has {index[2]}, counted from 0."
        return ExpressionError(message, _column(tree, _find_call(tree, "_[_]")))
    if raw.startswith("Index error"):
        message = "Elements of a list are selected by number, counted from 0."
        return ExpressionError(message, _column(tree, _find_call(tree, "_[_]")))
    if raw == "divide by zero":
        return ExpressionError("Divided by zero.", _column(tree, _find_call(tree, "_/_")))
    return ExpressionError(f"{raw[:1].upper()}{raw[1:]}.", _guess_column(raw, tree))


def _explain_missing(
    name: str, text: str, tree: Tree, values: Mapping[str, Any]
) -> ExpressionError:
    for node, holder, key in _accesses(tree):
        if str(key) != name:
            continue
        path = path_of(holder)
        if path is None:
            return ExpressionError(f"There is no {name!r} here.", _locate(text, tree, node, name))
        if _is_missing(values, path, key):
            message = f"There is no {name!r} in {show_path(path)}."
            return ExpressionError(message, _locate(text, tree, node, name))
    return ExpressionError(f"No such key: {name!r}.")


def _explain_select(text: str, tree: Tree, values: Mapping[str, Any]) -> ExpressionError:
    for node, holder, key in _accesses(tree):
        path = path_of(holder)
        found = _ABSENT if path is None else _follow(values, path)
        if isinstance(node, Field) and found is not _ABSENT and not isinstance(found, Mapping):
            what = "null" if found is None else _NAMES.get(type(found), type(found).__name__)
            message = f"{show_path(path or ())} is {what}, which has no field {key!r}."
            return ExpressionError(message, _locate(text, tree, node, str(key)))
    for node, holder, key in _accesses(tree):
        if isinstance(node, Field) and path_of(holder) is None:
            column = _locate(text, tree, node, str(key))
            return ExpressionError(f"There is no {key!r} here: the value is not an object.", column)
    return ExpressionError("A field is read from a value that is not an object.")


def _accesses(tree: Tree) -> list[tuple[Node, Node, str | int]]:
    """Every place that reads a literal key of something, the innermost first."""
    found: list[tuple[Node, Node, str | int]] = []
    for node in walk(tree.root):
        if isinstance(node, Field):
            found.append((node, node.of, node.name))
        elif isinstance(node, Call) and node.function == "_[_]":
            holder, key = node.arguments
            if isinstance(key, Const) and isinstance(key.value, str | int):
                found.append((node, holder, key.value))
    return found[::-1]


def _follow(values: Any, path: Path) -> Any:
    for part in path:
        is_element = isinstance(values, list) and part in range(len(values))
        if not is_element and not (isinstance(values, Mapping) and part in values):
            return _ABSENT
        values = values[part]
    return values


def _is_missing(values: Mapping[str, Any], path: Path, key: str | int) -> bool:
    holder = _follow(values, path)
    return isinstance(holder, Mapping) and key not in holder


def _find_call(tree: Tree, function: str) -> Node | None:
    operator = "_?_:_" if function == "<jump_condition>" else function
    calls = (node for node in walk(tree.root) if isinstance(node, Call))
    return next((node for node in calls if node.function == operator), None)


def _guess_column(raw: str, tree: Tree) -> int:
    """The column of a conversion or another function whose name is in the message."""
    words = set(re.findall(r"\w+", raw.lower()))
    calls = [node for node in walk(tree.root) if isinstance(node, Call)]
    named = [node for node in calls if node.function.lower() in words]
    return _column(tree, named[0] if named else None)


def _column(tree: Tree, node: Node | None) -> int:
    return 1 if node is None else tree.positions.get(node.id, 0) + 1


def _locate(text: str, tree: Tree, node: Node, name: str) -> int:
    """The column of a key, which is shortly after the dot or bracket."""
    start = tree.positions.get(node.id, 0)
    found = text.find(name, start)
    return (found if found >= 0 else start) + 1
