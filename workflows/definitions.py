"""Definitions of workflows: checked as a whole when they are stored, and read by runs."""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings

from controlplane.core.errors import Invalid
from controlplane.core.process_state import register_reset
from controlplane.core.strictjson import BODY_EXTRA_DEPTH
from controlplane.core.values import check_json_value
from tasks_app.processors.retry import RetryPolicy
from workflows.checks import Problems, check_steps
from workflows.graphs import find_dependents, sort_keys
from workflows.inputs import check_input_value, check_schema
from workflows.keys import with_keys
from workflows.language import Expression, Template, compile_expression, compile_template
from workflows.schema.definition import check_head
from workflows.schema.fields import is_template
from workflows.states import OnFailure, StepKind

if TYPE_CHECKING:
    from workflows.models import WorkflowVersion

REMEMBERED = 64  # versions that a process keeps in memory
_WHOLE = "The definition"


@dataclass(frozen=True, eq=False)
class Step:
    """A step as a run uses it. None means the default of its task type.

    Expressions are compiled when they are first used, since most processes need few; a definition
    that was checked compiles.
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
        """The list of the fan-out: an expression, or the list itself."""
        items = self.raw.get("forEach")
        return compile_expression(items) if isinstance(items, str) else items

    @functools.cached_property
    def template(self) -> Template:
        payload = self.raw.get("payload")
        return compile_template({} if payload is None else payload)


@dataclass(frozen=True, slots=True)
class SubWorkflow:
    """A step that runs another workflow, which it names without a template. `number` is its place
    in the definition."""

    number: int
    key: str
    workflow: str


@dataclass(frozen=True)
class Definition:
    """The steps of a workflow in topological order, and the schema of its input.

    `dependents` has the keys below each key; `raw` is what a version stores:
    {"tasks", "inputSchema"} as they were given.
    """

    steps: tuple[Step, ...]
    by_key: Mapping[str, Step]
    dependents: Mapping[str, tuple[str, ...]]
    input_schema: Mapping[str, Any] | None
    raw: Mapping[str, Any]

    @functools.cached_property
    def sub_workflows(self) -> list[SubWorkflow]:
        """The steps whose workflow is known before a run."""
        found = []
        for number, task in enumerate(self.raw["tasks"]):
            step = self.by_key[task["key"]]
            if step.kind == StepKind.WORKFLOW:
                name = (step.raw.get("payload") or {}).get("workflow")
                if isinstance(name, str) and not is_template(name):
                    found.append(SubWorkflow(number, step.key, name))
        return found


def parse_definition(body: Mapping[str, Any]) -> Definition:
    """Check a definition: {name, description, tasks, inputSchema}. A step without a key gets one.

    Raises Invalid with every problem (the first 100), each with its field, such as `tasks[3].when`,
    and a message that names the step; TooLarge if it exceeds the limit of a body.
    """
    _check_size(dict(body))
    problems = Problems()
    for field, message in check_head(body):
        problems.add(field, message)
    schema = body.get("inputSchema")
    if schema is not None:
        for field, message in check_schema(schema):
            problems.add(f"inputSchema{field}", message)
    tasks, ambiguous = with_keys(body.get("tasks"))
    for error in ambiguous:
        problems.add(error["field"], error["message"])
    check_steps(tasks, problems)
    problems.raise_if_any()
    return _read({"tasks": tasks, "inputSchema": schema})


def load_definition(version: "WorkflowVersion") -> Definition:
    """The definition of a stored version. It was checked when it was stored; task types that were
    removed later do not matter here. `version.definition` is read only if it is not in this
    process's cache.
    """
    return _load(_StoredVersion(version.workflow_id, version.version, version))


@dataclass(frozen=True, slots=True)
class _StoredVersion:
    """A key that never changes. A row's id identifies a version in one database only, these two
    values in any."""

    workflow_id: UUID
    number: int
    row: "WorkflowVersion" = dataclasses.field(compare=False)


@functools.lru_cache(REMEMBERED)
def _load(stored: _StoredVersion) -> Definition:
    return _read(stored.row.definition)


register_reset(_load.cache_clear)


def check_input(definition: Definition, value: Any) -> Any:
    """The input of a run with its numbers as the definition's inputSchema types them; without a
    schema, any object is accepted.

    Raises Invalid with the first 50 problems, each with a field such as `input.lines[0].sku`;
    TooLarge.
    """
    return check_input_value(definition.input_schema, value)


def _check_size(body: dict[str, Any]) -> None:
    try:
        check_json_value(
            body,
            max_bytes=settings.TASKPLANE["BODY_MAX_BYTES"],
            max_depth=settings.TASKPLANE["JSON_MAX_DEPTH"] + BODY_EXTRA_DEPTH,
            field=_WHOLE,
        )
    except Invalid as error:
        problem = error.errors[0]
        field = problem["field"].removeprefix(_WHOLE).lstrip(".")
        raise Invalid(errors=[{"field": field, "message": problem["message"]}]) from None


def _read(raw: Mapping[str, Any]) -> Definition:
    found = {step.key: step for step in map(_read_step, raw["tasks"])}
    parents = {key: step.depends_on for key, step in found.items()}
    order = sort_keys(parents)
    return Definition(
        steps=tuple(found[key] for key in order),
        by_key={key: found[key] for key in order},
        dependents=find_dependents(parents),
        input_schema=raw.get("inputSchema"),
        raw=raw,
    )


def _read_step(raw: Mapping[str, Any]) -> Step:
    name = raw["type"]
    retry = raw.get("retry")
    return Step(
        key=raw["key"],
        name=raw.get("name") or raw["key"],
        kind=StepKind.of(name),
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
