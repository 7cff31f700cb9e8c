"""One step of a definition: its fields read and checked."""

import difflib
import functools
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from controlplane.core.clock import now
from controlplane.core.errors import Invalid, TooLarge
from controlplane.core.values import check_json_value
from tasks_app.processors import registry
from tasks_app.processors.retry import InvalidRetryPolicy, RetryPolicy
from tasks_app.queues import NAME as QUEUE_NAME
from tasks_app.services.preparation import find_problems
from tasks_app.specs import TaskSpec
from workflows.keys import KEY, LONGEST_KEY
from workflows.language import (
    Expression,
    ExpressionError,
    Template,
    compile_expression,
    compile_template,
)
from workflows.language.cel import KEYWORDS
from workflows.payloads import check_payload
from workflows.problems import Problems
from workflows.states import OnFailure, StepKind

FIELDS = (
    "key", "name", "type", "payload", "dependsOn", "when", "forEach", "priority", "maxAttempts",
    "timeoutSeconds", "onFailure", "queue", "tags", "retry",
)  # fmt: skip
MOST_ITEMS = 10_000  # of a forEach that is a list
MAX_PARENTS = 10_000
_ONLY_TASKS = ("forEach", "priority", "maxAttempts", "timeoutSeconds", "queue", "tags", "retry")
_WANTED = {"when": ("bool", "true or false"), "forEach": ("list", "a list")}
_SHOWN = 100
_OF_SPEC = ("name", "priority", "maxAttempts", "timeoutSeconds", "tags")


@dataclass(frozen=True, slots=True)
class Read:
    """A place in a step that reads another one."""

    field: str
    step: str
    column: int


@dataclass(frozen=True, eq=False)
class StepDefinition:
    """A step as its definition says it. What is None takes the default of its task type.

    Expressions are compiled when they are first asked for, since most processes need few; a
    definition that was checked compiles.
    """

    key: str
    name: str
    kind: StepKind
    type: str
    queue: str | None
    depends_on: tuple[str, ...]
    priority: int
    max_attempts: int | None
    timeout_seconds: float | None
    on_failure: OnFailure
    retry: RetryPolicy | None
    tags: tuple[str, ...]
    raw: Mapping[str, Any]

    @functools.cached_property
    def when(self) -> Expression | None:
        """The condition, or None for none."""
        text = self.raw.get("when")
        return None if text is None else compile_expression(text)

    @functools.cached_property
    def for_each(self) -> Expression | list[Any] | None:
        """What the step is fanned out over: an expression, or the list itself."""
        items = self.raw.get("forEach")
        return compile_expression(items) if isinstance(items, str) else items

    @functools.cached_property
    def template(self) -> Template:
        """The payload."""
        payload = self.raw.get("payload")
        return compile_template({} if payload is None else payload)


def read_step(raw: Mapping[str, Any]) -> StepDefinition:
    """The step of a body that was checked."""
    name = raw["type"]
    retry = raw.get("retry")
    return StepDefinition(
        key=raw["key"],
        name=raw.get("name") or raw["key"],
        kind=kind_of(name),
        type=name,
        queue=raw.get("queue"),
        depends_on=tuple(dict.fromkeys(raw.get("dependsOn") or ())),
        priority=raw.get("priority") or 0,
        max_attempts=raw.get("maxAttempts"),
        timeout_seconds=raw.get("timeoutSeconds"),
        on_failure=OnFailure(raw.get("onFailure") or OnFailure.FAIL),
        retry=None if retry is None else RetryPolicy.from_json(retry),
        tags=tuple(dict.fromkeys(raw.get("tags") or ())),
        raw=raw,
    )


def kind_of(type_name: str) -> StepKind:
    """What a step of this type does: the names of three kinds are no task types."""
    if type_name in StepKind.values and type_name != StepKind.TASK:
        return StepKind(type_name)
    return StepKind.TASK


class StepCheck:
    """The check of one step by itself; what it depends on is checked with all of them."""

    def __init__(self, raw: Mapping[str, Any], number: int, problems: Problems) -> None:
        self._raw = raw
        self._field = f"tasks[{number}]"
        self._problems = problems
        key = raw.get("key")
        self.key = key if isinstance(key, str) and key else None
        self._title = f"Step {number + 1}" if self.key is None else f"Step {self.key[:_SHOWN]!r}"
        self.reads: list[Read] = []
        self.expressions = 0
        self.characters = 0  # of all its expressions
        self.parents: tuple[str, ...] = ()

    def run(self) -> None:
        """Add every problem that the step has by itself."""
        for name in self._raw:
            if name not in FIELDS:
                near = difflib.get_close_matches(str(name), FIELDS, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                self.add(str(name)[:_SHOWN], f"Unknown field.{hint}")
        self._check_key()
        self._check_parents()
        self._check_choices()
        self._check_spec()
        self._check_expressions()
        self._check_type()

    def check_known(self, keys: Container[str]) -> None:
        """Add what it names and no step is."""
        if self.key in self.parents:
            self.add("dependsOn", "A step cannot depend on itself.")
        for number, parent in enumerate(self.parents):
            if parent not in keys:
                self.add(f"dependsOn[{number}]", f"There is no step {parent[:_SHOWN]!r}.")
        for read in self.reads:
            if read.step not in keys:
                message = f"It reads steps.{read.step}, and there is no such step."
                self.add(read.field, message, read.column)

    def add(self, field: str, message: str, column: int | None = None) -> None:
        """A problem; the message begins with the step, and the column of an expression."""
        place = self._title if column is None else f"{self._title}, column {column}"
        dot = "" if field.startswith("[") else "."
        self._problems.add(f"{self._field}{dot}{field}", f"{place}: {message}")

    def _check_key(self) -> None:
        key = self._raw.get("key")
        if key is None:
            self.add("key", "Give the step a key, or a name from which one can be derived.")
        elif not isinstance(key, str) or not KEY.fullmatch(key) or len(key) > LONGEST_KEY:
            self.add(
                "key",
                f"Use 1 to {LONGEST_KEY} letters, digits and underscores, not beginning with a "
                "digit: the key is used as steps.<key>.",
            )
        elif key in KEYWORDS:
            message = f"{key!r} is a word of the expression language: take another key."
            self.add("key", message)

    def _check_parents(self) -> None:
        given = self._raw.get("dependsOn")
        if given is None:
            return
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            self.add("dependsOn", "A list of keys of steps is needed.")
        elif len(given) > MAX_PARENTS:
            self.add("dependsOn", f"At most {MAX_PARENTS:,} steps.")
        else:
            self.parents = tuple(given)

    def _check_choices(self) -> None:
        on_failure = self._raw.get("onFailure")
        if on_failure is not None and on_failure not in OnFailure.values:
            self.add("onFailure", f"One of {', '.join(OnFailure.values)}.")
        queue = self._raw.get("queue")
        if queue is not None and not (isinstance(queue, str) and QUEUE_NAME.fullmatch(queue)):
            self.add(
                "queue",
                "1 to 100 letters, digits, '.', '_', ':' and '-', the first a letter or digit.",
            )
        retry = self._raw.get("retry")
        if retry is not None:
            self._check_retry(retry)

    def _check_retry(self, retry: Any) -> None:
        if not isinstance(retry, dict):
            self.add("retry", "An object is needed.")
            return
        try:
            RetryPolicy.from_json(retry)
        except InvalidRetryPolicy as error:
            self.add(f"retry.{error.field}"[:_SHOWN], str(error))

    def _check_spec(self) -> None:
        """The ranges that every task has."""
        values = {name: self._raw.get(name) for name in _OF_SPEC}
        tags = values["tags"]
        if tags is not None and not isinstance(tags, list):
            self.add("tags", "A list of texts is needed.")
            tags = None
        spec = TaskSpec(
            type="",
            name=values["name"],
            priority=0 if values["priority"] is None else values["priority"],
            max_attempts=values["maxAttempts"],
            timeout_seconds=values["timeoutSeconds"],
            tags=tags or (),
        )
        for problem in find_problems(spec, now=now()):
            self.add(problem["field"], problem["message"])

    def _check_expressions(self) -> None:
        when = self._raw.get("when")
        if when is not None:
            self._compile("when", when)
        items = self._raw.get("forEach")
        if isinstance(items, list):
            self._check_items(items)
        elif items is not None:
            self._compile("forEach", items)

    def _check_items(self, items: list[Any]) -> None:
        if len(items) > MOST_ITEMS:
            self.add("forEach", f"At most {MOST_ITEMS:,} items.")
            return
        try:
            is_constant = compile_template(items).is_constant
        except ExpressionError:
            is_constant = False
        if not is_constant:
            message = "The items of a list are taken as they are; write one expression instead."
            self.add("forEach", message)

    def _compile(self, field: str, text: Any) -> None:
        if not isinstance(text, str):
            self.add(field, "An expression, which is a text, is needed.")
            return
        try:
            expression = compile_expression(text)
        except ExpressionError as error:
            self.add(field, error.message, error.column)
            return
        name, wanted = _WANTED[field]
        if expression.type_name not in (name, "dyn"):
            self.add(field, f"It gives {expression.type_name}, and {wanted} is needed.")
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

    def _check_type(self) -> None:
        name = self._raw.get("type")
        if not isinstance(name, str) or not name:
            self.add("type", "The name of a task type, or wait, approval, workflow.")
            return
        kind = kind_of(name)
        if kind is not StepKind.TASK:
            for field in _ONLY_TASKS:
                if self._raw.get(field) is not None:
                    self.add(field, f"Only for steps that are tasks, not for {name!r}.")
        elif (unknown := explain_type(name)) is not None:
            self.add("type", unknown)
            return
        self._check_payload(kind, name)

    def _check_payload(self, kind: StepKind, type_name: str) -> None:
        payload = self._raw.get("payload")
        payload = {} if payload is None else payload
        if not isinstance(payload, dict):
            self.add("payload", "An object is needed.")
            return
        template = self._compile_payload(payload)
        if template is None:
            return
        has_item = self._raw.get("forEach") is not None
        for path, expression in template.expressions:
            self._note_reads(_below("payload", path), expression, has_item=has_item)
        for field, message in check_payload(kind, type_name, payload, template):
            self.add(_below("payload", field), message)

    def _compile_payload(self, payload: dict[str, Any]) -> Template | None:
        limits = settings.TASKPLANE
        try:
            check_json_value(
                payload,
                max_bytes=limits["PAYLOAD_MAX_BYTES"],
                max_depth=limits["JSON_MAX_DEPTH"],
                field="payload",
            )
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
    """What is wrong with a task type's name; None when it is known."""
    try:
        registry.get(name)
    except registry.UnknownType as error:
        return _with_kinds(str(error), name)
    return None


def _with_kinds(message: str, name: str) -> str:
    kinds: Sequence[str] = [kind for kind in StepKind.values if kind != StepKind.TASK]
    near = difflib.get_close_matches(name, kinds, n=1)
    return f"{message} Did you mean {near[0]!r}?" if near and "Did you" not in message else message


def _below(field: str, path: str) -> str:
    return field if not path else f"{field}{path}" if path[0] == "[" else f"{field}.{path}"
