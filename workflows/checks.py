"""Checks of a definition that a schema cannot express: expressions, task types, payloads, and
dependencies."""

import difflib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic

from controlplane.core.errors import FieldError, Invalid, TooLarge
from controlplane.core.values import check_payload_value
from tasks_app.processors import registry
from workflows.graphs import Ancestors, find_cycle, show_cycle, sort_keys
from workflows.language import (
    Expression,
    ExpressionError,
    Template,
    compile_expression,
    compile_template,
)
from workflows.language.templates import write_path
from workflows.schema.definition import check_step
from workflows.schema.fields import MAX_STEPS
from workflows.states import StepKind

MAX_PROBLEMS = 100
MAX_SHOWN_LENGTH = 100  # of a name in an error
# Each takes a fraction of a millisecond to compile; all together take seconds at most.
MAX_EXPRESSIONS = 20_000
MAX_CHARACTERS = 1_000_000  # of all expressions
_EXPECTED = {"when": ("bool", "true or false"), "forEach": ("list", "a list")}


class Problems:
    """Field errors, up to 100."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, field: str, message: str) -> None:
        """Add one error, unless there are enough."""
        if not self.is_full:
            self.errors.append({"field": field, "message": message})

    @property
    def is_full(self) -> bool:
        """Whether further errors are dropped."""
        return len(self.errors) >= MAX_PROBLEMS

    def raise_if_any(self) -> None:
        """Raises Invalid with all of them."""
        if self.errors:
            raise Invalid(errors=self.errors)


def check_steps(tasks: Any, problems: Problems) -> None:
    """Add the errors of the steps, each by itself and all together."""
    if not isinstance(tasks, list) or not tasks:
        problems.add("tasks", "This must be a list of at least one step.")
        return
    if len(tasks) > MAX_STEPS:
        problems.add("tasks", f"At most {MAX_STEPS:,} steps; these are {len(tasks):,}.")
        return
    checks: list[StepCheck] = []
    expressions = characters = 0
    for number, raw in enumerate(tasks):
        if not isinstance(raw, dict):
            problems.add(f"tasks[{number}]", "This must be an object.")
            continue
        check = StepCheck(raw, number, problems)
        check.run()
        checks.append(check)
        expressions += check.expressions
        characters += check.characters
        if expressions > MAX_EXPRESSIONS:
            problems.add("tasks", f"At most {MAX_EXPRESSIONS:,} expressions in all steps.")
        if characters > MAX_CHARACTERS:
            problems.add("tasks", f"At most {MAX_CHARACTERS:,} characters in all expressions.")
        if problems.is_full or expressions > MAX_EXPRESSIONS or characters > MAX_CHARACTERS:
            return
    _check_graph(checks, problems)


@dataclass(frozen=True, slots=True)
class Read:
    """A place in a step that reads another step."""

    field: str
    step: str
    column: int


class StepCheck:
    """The check of one step by itself; dependencies are checked for all steps together."""

    def __init__(self, raw: Mapping[str, Any], number: int, problems: Problems) -> None:
        self._raw = raw
        self._field = f"tasks[{number}]"
        self._problems = problems
        key = raw.get("key")
        self.key = key if isinstance(key, str) and key else None
        self._title = f"Step {number + 1}"
        if self.key is not None:
            self._title = f"Step {self.key[:MAX_SHOWN_LENGTH]!r}"
        self._wrong: set[str] = set()  # fields that are not what the schema says
        self.reads: list[Read] = []
        self.expressions = 0
        self.characters = 0  # of all its expressions
        self.parents: tuple[str, ...] = ()

    def run(self) -> None:
        """Add every problem that the step has by itself."""
        for path, message in check_step(self._raw):
            self._wrong.add(path.partition(".")[0])
            self.add(path, message)
        self.parents = tuple(self._valid("dependsOn") or ())
        if (condition := self._valid("when")) is not None:
            self._compile("when", condition)
        items = self._valid("forEach")
        if isinstance(items, list):
            self._check_items(items)
        elif items is not None:
            self._compile("forEach", items)
        if (type_name := self._valid("type")) is not None:
            self._check_type(type_name)

    def check_known(self, keys: Container[str]) -> None:
        """Add each name that belongs to no step."""
        if self.key in self.parents:
            self.add("dependsOn", "A step cannot depend on itself.")
        for number, parent in enumerate(self.parents):
            if parent not in keys:
                message = f"There is no step {parent[:MAX_SHOWN_LENGTH]!r}."
                self.add(f"dependsOn[{number}]", message)
        for read in self.reads:
            if read.step not in keys:
                message = f"It reads steps.{read.step}, and there is no such step."
                self.add(read.field, message, read.column)

    def add(self, field: str, message: str, column: int | None = None) -> None:
        """A problem; the message begins with the step, and the column of an expression."""
        place = self._title if column is None else f"{self._title}, column {column}"
        dot = "" if field.startswith("[") else "."
        self._problems.add(f"{self._field}{dot}{field}", f"{place}: {message}")

    def _valid(self, field: str) -> Any:
        """The value of a field; None if it is left out or does not fit the schema."""
        return None if field in self._wrong else self._raw.get(field)

    def _check_items(self, items: list[Any]) -> None:
        try:
            is_constant = compile_template(items).is_constant
        except ExpressionError:
            is_constant = False
        if not is_constant:
            message = "The items of a list are taken as they are; write one expression instead."
            self.add("forEach", message)

    def _compile(self, field: str, text: str) -> None:
        try:
            expression = compile_expression(text)
        except ExpressionError as error:
            self.add(field, error.message, error.column)
            return
        name, expected = _EXPECTED[field]
        if expression.type_name not in (name, "dyn"):
            self.add(field, f"It gives {expression.type_name}; it must give {expected}.")
        self._note_reads(field, expression, has_item=False)

    def _note_reads(self, field: str, expression: Expression, *, has_item: bool) -> None:
        self.expressions += 1
        self.characters += expression.length
        for key in sorted(expression.steps):
            self.reads.append(Read(field, key, expression.find_column("steps", key)))
        for name in sorted(expression.variables & {"item", "index"}):
            if not has_item:
                message = f"`{name}` is known only in the payload of a step with forEach."
                self.add(field, message, expression.find_column(name))

    def _check_type(self, type_name: str) -> None:
        kind = StepKind.of(type_name)
        if kind is StepKind.TASK and (unknown := explain_type(type_name)) is not None:
            self.add("type", unknown)
            return
        payload = self._raw.get("payload")
        payload = {} if payload is None else payload
        if not isinstance(payload, dict) or (template := self._compile_payload(payload)) is None:
            return
        has_item = self._raw.get("forEach") is not None
        for path, expression in template.expressions:
            self._note_reads(_below("payload", path), expression, has_item=has_item)
        if kind is StepKind.TASK and template.is_constant:
            for path, message in _check_payload(type_name, payload):
                self.add(_below("payload", path), message)

    def _compile_payload(self, payload: dict[str, Any]) -> Template | None:
        try:
            check_payload_value(payload, field="payload")
            return compile_template(payload)
        except Invalid as error:
            for problem in error.errors:
                self.add(problem["field"], problem["message"])
        except TooLarge as error:
            self.add("payload", error.detail)
        except ExpressionError as error:
            self.add(_below("payload", error.path), error.message, error.column)
        return None


def explain_type(name: str) -> str | None:
    """The error of a task type's name; None if it is known."""
    try:
        registry.get(name)
    except registry.UnknownType as error:
        kinds = [kind for kind in StepKind.values if kind != StepKind.TASK]
        near = difflib.get_close_matches(name, kinds, n=1)
        has_hint = "Did you" in str(error) or not near
        return str(error) if has_hint else f"{error} Did you mean {near[0]!r}?"
    return None


def _check_payload(type_name: str, payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Errors in the payload of a task, as paths below it and messages."""
    try:
        registry.get(type_name).validate(payload)
    except pydantic.ValidationError as error:
        for part in error.errors(include_url=False, include_input=False, include_context=False):
            yield write_path(part["loc"]), part["msg"]


def _check_graph(checks: Sequence[StepCheck], problems: Problems) -> None:
    by_key: dict[str, StepCheck] = {}
    for check in checks:
        if check.key is None:
            continue
        if check.key in by_key:
            check.add("key", f"Another step has the key {check.key!r} already.")
        else:
            by_key[check.key] = check
    for check in checks:
        check.check_known(by_key)
    parents = {
        key: [parent for parent in check.parents if parent in by_key and parent != key]
        for key, check in by_key.items()
    }
    order = sort_keys(parents)
    if len(order) < len(parents):
        cycle = find_cycle(parents, set(parents) - set(order))
        by_key[cycle[0]].add("dependsOn", f"These steps wait for each other: {show_cycle(cycle)}.")
        return
    _check_reads(by_key, parents, order)


def _check_reads(
    by_key: Mapping[str, StepCheck], parents: Mapping[str, list[str]], order: Sequence[str]
) -> None:
    """A step may read only steps that have ended when it starts: the steps above it."""
    ancestors: Ancestors | None = None
    for key, check in by_key.items():
        above = set(parents[key])
        for read in check.reads:
            if read.step in above or read.step not in by_key:
                continue
            ancestors = ancestors or Ancestors(parents, order)
            if not ancestors.is_above(read.step, key):
                message = f"It reads steps.{read.step} without depending on it."
                check.add(read.field, message, read.column)


def _below(field: str, path: str) -> str:
    return field if not path else f"{field}{path}" if path[0] == "[" else f"{field}.{path}"
