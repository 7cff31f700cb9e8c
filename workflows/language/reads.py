"""The variables and paths that an expression reads, so that its data flow is known before it
runs."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workflows.language.errors import ExpressionError
from workflows.language.nodes import (
    Call,
    Const,
    Field,
    Loop,
    Many,
    Name,
    Node,
    Tree,
    children,
    walk,
)

VARIABLES = ("input", "steps", "item", "index", "run")
STEP_FIELDS = ("status", "result", "error")
RUN_FIELDS = ("id", "workflowId", "createdAt")

Path = tuple[str | int, ...]
"""A variable, then keys and indexes: `("steps", "a", "result", 0)`."""


def path_of(node: Node) -> Path | None:
    """The path of a variable followed by names, strings and whole numbers; None for anything
    else."""
    if isinstance(node, Name):
        return (node.name,) if node.name in VARIABLES else None
    if isinstance(node, Field):
        before = path_of(node.of)
        return None if before is None else (*before, node.name)
    if isinstance(node, Call) and node.function == "_[_]":
        holder, key = node.arguments
        before = path_of(holder)
        if before is not None and isinstance(key, Const) and isinstance(key.value, str | int):
            return (*before, key.value)
    return None


def find_paths(tree: Tree) -> tuple[Path, ...]:
    """The longest paths that an expression reads.

    Raises ExpressionError for steps that are not named, for fields that steps and runs do not
    have, and for macros whose variable hides another.
    """
    if isinstance(tree.root, Name):
        _check_step(None, tree.root, tree)
    for node in walk(tree.root):
        _check(node, tree)
    return tuple(dict.fromkeys(_paths(tree.root)))


def prune(values: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Only the values that the paths read. Missing values, and values of another kind, stay as they
    are. The library converts all its input for every evaluation.
    """
    selected: dict[str | int, Any] = {}
    for path in paths:
        _add_path(selected, path)
    return {str(name): _select(values[name], below) for name, below in selected.items()}  # type: ignore[index] # the first of a path is a name


def show_path(path: Path) -> str:
    """A path as a person would write it."""
    text = str(path[0])
    for part in path[1:]:
        is_name = isinstance(part, str) and part.isidentifier()
        text += f".{part}" if is_name else f"[{part!r}]"
    return text


def _paths(node: Node) -> Iterator[Path]:
    path = path_of(node)
    if path is not None:
        yield path
        return
    for child in children(node):
        yield from _paths(child)


def _add_path(selected: dict[str | int, Any], path: Path) -> None:
    for part in path[:-1]:
        below = selected.setdefault(part, {})
        if below is None:  # read whole already
            return
        selected = below
    selected[path[-1]] = None


def _select(value: Any, selected: dict[str | int, Any] | None) -> Any:
    if selected is None or not isinstance(value, Mapping):
        return value
    return {key: _select(value[key], below) for key, below in selected.items() if key in value}


def _check(node: Node, tree: Tree) -> None:
    if isinstance(node, Loop) and node.variable in VARIABLES:
        message = f"The variable of a macro cannot be {node.variable!r}; take another name."
        raise ExpressionError(message, _column(node, tree))
    if isinstance(node, Many) and node.kind == "message":
        raise ExpressionError("Messages cannot be built here; write a map.", _column(node, tree))
    for child in children(node):
        if isinstance(child, Name):
            _check_step(node, child, tree)
    if isinstance(node, Field):
        _check_field(node, tree)


def _check_step(parent: Node | None, name: Name, tree: Tree) -> None:
    if name.name != "steps":
        return
    path = None if parent is None else path_of(parent)
    if path is not None and isinstance(path[1], str):
        return
    message = "`steps` must be followed by the key of a step: steps.<key>.result."
    if isinstance(parent, Call) and parent.function == "_[_]":
        message = 'The key in steps[…] must be written out, as in steps["fetch"].'
    raise ExpressionError(message, _column(name, tree))


def _check_field(node: Field, tree: Tree) -> None:
    before = path_of(node.of)
    if before is None:
        return
    known: tuple[str, ...] = ()
    if before[0] == "steps" and len(before) == 2:
        known, what = STEP_FIELDS, "A step"
    elif before == ("run",):
        known, what = RUN_FIELDS, "`run`"
    if known and node.name not in known:
        near = difflib.get_close_matches(node.name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        message = f"{what} has {', '.join(known)}, and no {node.name!r}.{hint}"
        raise ExpressionError(message, _column(node, tree) + 1)


def _column(node: Node, tree: Tree) -> int:
    return tree.positions.get(node.id, 0) + 1
