"""JSON values with `{{ expression }}` in their texts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from workflows.language.errors import ExpressionError, TemplateError
from workflows.language.expressions import Budget, Expression, Scope, compile_part
from workflows.language.results import max_bytes

MAX_EXPRESSIONS = 200  # of one template
MAX_DEPTH = 64  # levels of its JSON; what may be stored is bounded elsewhere

OPEN, _CLOSE = "{{", "}}"
_SORTED = orjson.OPT_SORT_KEYS


_Found = list[tuple[str, Expression]]


@dataclass(frozen=True, slots=True)
class _Whole:
    """A text that is one expression: its value keeps its type."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class _Mixed:
    """A text with expressions in it."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A compiled template: its expressions, each with the path of its text, and the paths that they
    read."""

    expressions: tuple[tuple[str, Expression], ...]
    steps: frozenset[str]
    variables: frozenset[str]
    _root: Any

    @property
    def is_constant(self) -> bool:
        """Whether no text of it has an expression."""
        return not self.expressions

    def render(self, scope: Scope, budget: Budget | None = None) -> Any:
        """The JSON value. Raises TemplateError, and BudgetSpentError if the next expression may
        cost more than the rest of the budget."""
        return _Rendering(scope, budget).visit(self._root, ())


def compile_template(value: Any) -> Template:
    """Compile any JSON value. Keys of objects are not templates.

    Raises ExpressionError, with the path of the text.
    """
    found: _Found = []
    root = _compile(value, (), found)
    return Template(
        expressions=tuple(found),
        steps=frozenset().union(*(one.steps for _, one in found)),
        variables=frozenset().union(*(one.variables for _, one in found)),
        _root=root,
    )


def write_path(path: tuple[str | int, ...]) -> str:
    """`("a", 0, "b")` as `a[0].b`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _compile(value: Any, path: tuple[str | int, ...], found: _Found) -> Any:
    if len(path) > MAX_DEPTH:
        message = f"Nested too deep; the limit is {MAX_DEPTH} levels."
        raise ExpressionError(message, 1, write_path(path))
    if isinstance(value, str):
        return _compile_text(value, path, found) if OPEN in value else value
    if isinstance(value, dict):
        return {key: _compile(item, (*path, str(key)), found) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_compile(item, (*path, index), found) for index, item in enumerate(value)]
    return value


def _compile_text(text: str, path: tuple[str | int, ...], found: _Found) -> Any:
    parts: list[str | Expression] = []
    try:
        for part in _split(text):
            parts.append(part)
            if isinstance(part, Expression):
                _add(write_path(path), part, found)
    except ExpressionError as error:
        raise ExpressionError(error.message, error.column, write_path(path)) from None
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return _Whole(parts[0])
    return _Mixed(tuple(parts))


def _add(path: str, expression: Expression, found: _Found) -> None:
    found.append((path, expression))
    if len(found) > MAX_EXPRESSIONS:
        raise ExpressionError(f"A template may have {MAX_EXPRESSIONS} expressions.")


def _split(text: str) -> Iterator[str | Expression]:
    at = 0
    while (start := text.find(OPEN, at)) >= 0:
        if start > at:
            yield text[at:start]
        end = _find_end(text, start + len(OPEN))
        if end < 0:
            raise ExpressionError("This {{ has no }} after it.", start + 1)
        yield compile_part(text, start + len(OPEN), end)
        at = end + len(_CLOSE)
    if at < len(text):
        yield text[at:]


def _find_end(text: str, at: int) -> int:
    """The position of the }} that ends an expression, outside its strings and maps; -1 for none."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "'\"`":
            at = _skip_literal(text, at)
            if at < 0:
                return -1
            continue
        if text.startswith("//", at):
            at = _skip_comment(text, at)
            continue
        if depth == 0 and text.startswith(_CLOSE, at):
            return at
        depth += (char == "{") - (char == "}")
        at += 1
    return -1


def _skip_comment(text: str, at: int) -> int:
    ends = [end for end in (text.find("\n", at), text.find(_CLOSE, at)) if end >= 0]
    return min(ends, default=len(text))


def _skip_literal(text: str, at: int) -> int:
    """After the literal that begins at `at`. -1 when it does not end."""
    is_raw = _is_raw(text, at)
    mark = text[at]
    if mark != "`" and text.startswith(mark * 3, at):
        mark *= 3
    at += len(mark)
    while at < len(text):
        if text[at] == "\\" and not is_raw:
            at += 2
        elif text.startswith(mark, at):
            return at + len(mark)
        else:
            at += 1
    return -1


def _is_raw(text: str, at: int) -> bool:
    """Whether the quote has the prefix r, alone or with the b of bytes."""
    start = at
    while start > 0 and at - start < 2 and text[start - 1] in "rRbB":
        start -= 1
    before = text[start - 1 : start]
    return "r" in text[start:at].lower() and not (before.isalnum() or before == "_")


class _Rendering:
    """One rendering: all its values together have the limit of one value."""

    def __init__(self, scope: Scope, budget: Budget | None) -> None:
        self._scope = scope
        self._budget = budget
        self._left = max_bytes()

    def visit(self, node: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(node, dict):
            return {key: self.visit(item, (*path, str(key))) for key, item in node.items()}
        if isinstance(node, list):
            return [self.visit(item, (*path, index)) for index, item in enumerate(node)]
        try:
            if isinstance(node, _Whole):
                return self._evaluate(node.expression)
            if isinstance(node, _Mixed):
                return "".join(
                    part if isinstance(part, str) else _to_text(self._evaluate(part))
                    for part in node.parts
                )
        except ExpressionError as error:
            raise TemplateError(write_path(path), error.column, error.message) from None
        return node

    def _evaluate(self, expression: Expression) -> Any:
        value, size = expression.evaluate_sized(self._scope, self._budget)
        self._left -= size
        if self._left < 0:
            message = (
                f"The values have more than {max_bytes():,} bytes together; that is the limit."
            )
            raise ExpressionError(message)
        return value


def _to_text(value: Any) -> str:
    # The library keeps no order of keys; equal values must give equal texts.
    return value if isinstance(value, str) else orjson.dumps(value, option=_SORTED).decode()
