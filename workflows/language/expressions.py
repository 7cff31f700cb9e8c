"""Compiled expressions, and the values that they are evaluated with."""

import functools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from workflows.language.cel import compile_text
from workflows.language.errors import BudgetSpentError, ExpressionError
from workflows.language.estimate import estimate_cost, may_multiply
from workflows.language.failures import explain_failure
from workflows.language.nodes import Tree, read_tree, walk, walk_first
from workflows.language.reads import Path, find_paths, path_of, prune
from workflows.language.results import to_json

MAX_CACHED = 2_000  # compiled expressions of a process, each a few KB


@dataclass(slots=True)
class Budget:
    """Each evaluation is bounded by itself, but a definition may have any number of them. `work` is
    in the bytes of the estimate, so that costly evaluations are refused before they run; `seconds`
    of CPU time cover work that is not estimated.
    """

    work: int
    seconds: float

    def charge(self, work: int) -> None:
        """Raises BudgetSpentError if this is more than the rest of the budget."""
        if self.seconds <= 0 or work > self.work:
            raise BudgetSpentError
        self.work -= work

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Count the CPU time of the block."""
        began = time.thread_time()
        try:
            yield
        finally:
            self.seconds -= time.thread_time() - began


@dataclass(frozen=True, slots=True)
class Scope:
    """The values of the variables of an expression.

    `steps` has {"status", "result", "error"} by step key; `run` has {"id", "workflowId",
    "createdAt"}; `item` and `index` are of a forEach.
    """

    input: Any = None
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    item: Any = None
    index: int | None = None
    run: Mapping[str, Any] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        return {
            "input": self.input,
            "steps": self.steps,
            "item": self.item,
            "index": self.index,
            "run": self.run,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A compiled expression.

    `source` is its text as it was given; `steps` the keys of the steps it reads; `variables` the
    variables. Columns of errors count in `source`.
    """

    source: str
    steps: frozenset[str]
    variables: frozenset[str]
    _text: str
    _offset: int  # of _text in source
    _program: Any
    _tree: Tree
    _paths: tuple[Path, ...]
    _is_estimated: bool

    def evaluate(self, scope: Scope, budget: Budget | None = None) -> Any:
        """The value, as plain JSON.

        Raises ExpressionError: when it cannot be evaluated with these values, would take too much
        memory or time, or has a value without a JSON form. BudgetSpentError if it may cost more
        than the rest of the budget.
        """
        return self.evaluate_sized(scope, budget)[0]

    def evaluate_sized(self, scope: Scope, budget: Budget | None = None) -> tuple[Any, int]:
        """The value, and its length as JSON. Raises as `evaluate` does."""
        try:
            if budget is None:
                return self._evaluate(scope, None)
            with budget.measure():
                return self._evaluate(scope, budget)
        except ExpressionError as error:
            raise ExpressionError(error.message, error.column + self._offset) from None

    @property
    def length(self) -> int:
        """The characters of the expression itself."""
        return len(self._text)

    @property
    def type_name(self) -> str:
        """The type of its value, such as `bool`, `list`, or `dyn` when only a run knows it."""
        return str(self._program.return_type().name()).partition("<")[0].lower()

    def find_column(self, *path: str | int) -> int:
        """The column where it reads this variable, or a path such as `("steps", "a")`; 1 if
        nowhere."""
        for node in walk(self._tree.root):
            if path_of(node) == path:
                *_, name = walk_first(node)
                return self._tree.positions.get(name.id, 0) + 1 + self._offset
        return 1

    def _evaluate(self, scope: Scope, budget: Budget | None) -> tuple[Any, int]:
        values = prune(scope.values(), self._paths)
        work = estimate_cost(self._tree, values) if self._is_estimated else 0
        if budget is not None:
            budget.charge(work)
        try:
            found = self._program.eval(data=values)
            value = found.plain_value()
        except RuntimeError as error:
            raise explain_failure(str(error), self._text, self._tree, values) from None
        if found.type().name() == "ERROR":
            raise explain_failure(str(value), self._text, self._tree, values)
        try:
            return to_json(value)
        except ExpressionError as error:
            start = len(self._text) - len(self._text.lstrip())
            raise ExpressionError(error.message, start + 1) from None


def compile_expression(text: str) -> Expression:
    """Compile an expression; `{{ … }}` around it is allowed.

    Raises ExpressionError.
    """
    if not isinstance(text, str):
        raise ExpressionError("An expression must be a string.")
    offset = len(text) - len(text.lstrip())
    bare = text.strip()
    if bare.startswith("{{") and bare.endswith("}}") and len(bare) >= 4:
        return _compile(text, bare[2:-2], offset + 2)
    return _compile(text, text, 0)


def compile_part(source: str, start: int, end: int) -> Expression:
    """Compile a part of a longer text. Columns count in the whole text."""
    return _compile(source, source[start:end], start)


def _compile(source: str, text: str, offset: int) -> Expression:
    try:
        program, tree, paths = _compile_bare(text)
    except ExpressionError as error:
        raise ExpressionError(error.message, error.column + offset) from None
    return Expression(
        source=source,
        steps=frozenset(str(path[1]) for path in paths if path[0] == "steps"),
        variables=frozenset(str(path[0]) for path in paths),
        _text=text,
        _offset=offset,
        _program=program,
        _tree=tree,
        _paths=paths,
        _is_estimated=may_multiply(tree, len(paths)),
    )


@functools.lru_cache(MAX_CACHED)
def _compile_bare(text: str) -> tuple[Any, Tree, tuple[Path, ...]]:
    program = compile_text(text)
    tree = read_tree(program.serialize())
    return program, tree, find_paths(tree)
