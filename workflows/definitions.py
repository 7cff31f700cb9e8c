"""Definitions of workflows: read, checked as a whole, and given to those who run them."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings

from controlplane.core.errors import Invalid
from controlplane.core.names import InvalidNameError, check_name
from controlplane.core.process_state import register_reset
from controlplane.core.strictjson import BODY_EXTRA_DEPTH
from controlplane.core.values import check_json_value
from workflows.graphs import Ancestors, find_cycle, find_dependents, show_cycle, sort_keys
from workflows.inputs import check_input_value, check_schema
from workflows.keys import with_keys
from workflows.payloads import is_template
from workflows.problems import Problems
from workflows.states import StepKind
from workflows.steps import StepCheck, StepDefinition, read_step

if TYPE_CHECKING:
    from workflows.models import WorkflowVersion

__all__ = [
    "Definition",
    "StepDefinition",
    "check_input",
    "load_definition",
    "parse_definition",
]

MOST_STEPS = 10_000
MOST_EXPRESSIONS = 20_000
MOST_CHARACTERS = 1_000_000  # of all expressions
LONGEST_NAME = 200
LONGEST_DESCRIPTION = 10_000
REMEMBERED = 64  # versions that a process keeps in memory
_FIELDS = ("name", "description", "tasks", "inputSchema")
_WHOLE = "The definition"


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

    steps: tuple[StepDefinition, ...]
    by_key: Mapping[str, StepDefinition]
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

    Raises Invalid with every problem (the first 100), each with its field, such as
    `tasks[3].when`, and a message that names the step; TooLarge for more than a body may have.
    """
    _check_size(dict(body))
    problems = Problems()
    _check_texts(body, problems)
    schema = body.get("inputSchema")
    if schema is not None:
        for field, message in check_schema(schema):
            problems.add(f"inputSchema{field}", message)
    tasks = with_keys(body.get("tasks"), problems)
    _check_steps(tasks, problems)
    problems.raise_if_any()
    return _read({"tasks": tasks, "inputSchema": schema})


def load_definition(version: "WorkflowVersion") -> Definition:
    """The definition of a stored version. It was checked when it was stored; task types that have
    gone since do not matter here.

    `version.definition` is read only when this process does not remember it.
    """
    return _load(_StoredVersion(version.workflow_id, version.version, version))


@dataclass(frozen=True, slots=True)
class _StoredVersion:
    """What never changes. A row's id names a version in one database only, these two in any."""

    workflow_id: UUID
    number: int
    row: "WorkflowVersion" = dataclasses.field(compare=False)


@functools.lru_cache(REMEMBERED)
def _load(stored: _StoredVersion) -> Definition:
    return _read(stored.row.definition)


register_reset(_load.cache_clear)


def check_input(definition: Definition, value: Any) -> Any:
    """The input of a run with its numbers as the definition's inputSchema types them; without a
    schema, any object will do.

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
    found = {step.key: step for step in map(read_step, raw["tasks"])}
    parents = {key: step.depends_on for key, step in found.items()}
    order = sort_keys(parents)
    return Definition(
        steps=tuple(found[key] for key in order),
        by_key={key: found[key] for key in order},
        dependents=find_dependents(parents),
        input_schema=raw.get("inputSchema"),
        raw=raw,
    )


def _check_texts(body: Mapping[str, Any], problems: Problems) -> None:
    for field in body:
        if field not in _FIELDS:
            problems.add(str(field)[:100], "Unknown field.")
    try:
        check_name(body.get("name"), limit=LONGEST_NAME)
    except InvalidNameError as error:
        problems.add("name", str(error))
    text = body.get("description")
    if text is not None and not (isinstance(text, str) and len(text) <= LONGEST_DESCRIPTION):
        problems.add("description", f"A text of at most {LONGEST_DESCRIPTION:,} characters.")


def _check_steps(tasks: Any, problems: Problems) -> None:
    if not isinstance(tasks, list) or not tasks:
        problems.add("tasks", "A list of at least one step is needed.")
        return
    if len(tasks) > MOST_STEPS:
        problems.add("tasks", f"At most {MOST_STEPS:,} steps; these are {len(tasks):,}.")
        return
    checks: list[StepCheck] = []
    expressions = characters = 0
    for number, raw in enumerate(tasks):
        if not isinstance(raw, dict):
            problems.add(f"tasks[{number}]", "An object is needed.")
            continue
        check = StepCheck(raw, number, problems)
        check.run()
        checks.append(check)
        expressions += check.expressions
        characters += check.characters
        # Each takes a fraction of a millisecond to compile; all together take seconds at most.
        if expressions > MOST_EXPRESSIONS:
            problems.add("tasks", f"At most {MOST_EXPRESSIONS:,} expressions in all steps.")
        if characters > MOST_CHARACTERS:
            problems.add("tasks", f"At most {MOST_CHARACTERS:,} characters in all expressions.")
        if problems.is_full or expressions > MOST_EXPRESSIONS or characters > MOST_CHARACTERS:
            return
    _check_graph(checks, problems)


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
    """A step may read only what has ended when it starts: the steps above it."""
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
