"""A workflow's definition as a person writes it: every field with its type, bounds and help.

`WorkflowDefinition` gives the JSON Schema that OpenAPI publishes and an editor needs: one object
for each kind of step. `workflows.checks` checks what a schema cannot express (expressions, task
types, cycles).
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import pydantic
from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import ErrorDetails

from controlplane.core.schema import Request
from controlplane.core.schema.base import join_path
from controlplane.core.schema.fields import JsonObject, refused
from tasks_app.schema.fields import (
    Attempts,
    Priority,
    QueueName,
    Retry,
    RetryIn,
    Tags,
    TaskName,
    TimeoutSeconds,
    optional,
)
from workflows.schema import fields
from workflows.schema.fields import MAX_STEPS, MISSING, NO_OBJECT
from workflows.states import OnFailure, StepKind


class WaitPayload(Request):
    """A period, or an instant: exactly one of the two."""

    model_config = pydantic.ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["seconds"]}, {"required": ["until"]}]}
    )

    null_is_absent: ClassVar[bool] = True

    seconds: fields.Seconds = optional("The wait from the step's start.")
    until: fields.Instant = optional("A time with its zone, such as `2030-01-31T08:00:00Z`.")

    @model_validator(mode="before")
    @classmethod
    def _needs_one(cls, value: Any) -> Any:
        if isinstance(value, dict):
            is_one = (value.get("seconds") is None) != (value.get("until") is None)
            if not is_one and not set(value) - {"seconds", "until"}:
                raise refused("Give `seconds` or `until`, one of them.")
        return value


class ApprovalPayload(Request):
    """The question to a person, and its time-out."""

    null_is_absent: ClassVar[bool] = True

    message: fields.Question = optional("The question; it may contain `{{ expression }}`.")
    timeout_seconds: fields.Seconds = optional("The step fails if nobody decides within this time.")


class WorkflowPayload(Request):
    """Another workflow, and the input of its run."""

    workflow: fields.WorkflowReference = Field(description="The name or the id of a workflow.")
    input: fields.RunInput = Field(default_factory=dict)


def _key_is_derived(schema: dict[str, Any]) -> None:
    """The check runs after keys were derived, since a step may be written without a key."""
    schema["required"].remove("key")


class _Step(Request):
    model_config = pydantic.ConfigDict(json_schema_extra=_key_is_derived)

    null_is_absent: ClassVar[bool] = True

    key: fields.Key = Field(
        description="The step's name in expressions. Derived from the name when it is left out: "
        "`Load the data` becomes `load_the_data`."
    )
    name: TaskName = optional()
    depends_on: fields.Parents = optional("Keys or names of steps.")
    when: fields.Condition = optional("An expression; the step is skipped when it is false.")
    on_failure: fields.Failure = Field(
        default=OnFailure.FAIL.value, description="What the run does when the step fails."
    )

    @model_validator(mode="before")
    @classmethod
    def _payload_is_optional(cls, value: Any) -> Any:
        has_payload = not isinstance(value, dict) or value.get("payload") is not None
        return value if has_payload else {**value, "payload": {}}


class TaskStep(_Step):
    """A task, or with `forEach` one task for each item of a list."""

    type: fields.TaskType = Field(
        description="A task type.",
        json_schema_extra={"not": {"enum": ["wait", "approval", "workflow"]}},
    )
    payload: JsonObject = optional("Its strings may contain `{{ expression }}`.")
    for_each: fields.Items = optional(
        "A list, or an expression that gives one: a task for each item."
    )
    priority: Priority = optional()
    max_attempts: Attempts = optional()
    timeout_seconds: TimeoutSeconds = optional()
    queue: QueueName = optional()
    tags: Tags = optional()
    retry: Retry = optional()


class WaitStep(_Step):
    """A pause."""

    type: Literal["wait"]
    payload: WaitPayload


class ApprovalStep(_Step):
    """A question to a person."""

    type: Literal["approval"]
    payload: ApprovalPayload = ApprovalPayload()


class WorkflowStep(_Step):
    """A run of another workflow."""

    type: Literal["workflow"]
    payload: WorkflowPayload


def _kind_of(step: Any) -> str:
    return StepKind.of(step.get("type") if isinstance(step, dict) else step.type).value


StepDefinition = Annotated[
    Annotated[TaskStep, Tag("task")]
    | Annotated[WaitStep, Tag("wait")]
    | Annotated[ApprovalStep, Tag("approval")]
    | Annotated[WorkflowStep, Tag("workflow")],
    Discriminator(_kind_of),
]


class DefinitionHead(Request):
    """The fields of a definition except its steps, which are checked one by one."""

    name: fields.WorkflowName
    description: fields.Description | None = None
    tasks: Any = None
    input_schema: Any = Field(default=None, description="JSON Schema (2020-12) of a run's input.")


class WorkflowDefinition(DefinitionHead):
    """A definition."""

    tasks: Annotated[list[StepDefinition], Field(min_length=1, max_length=MAX_STEPS)] = Field(
        description="The steps."
    )
    input_schema: dict[str, Any] | None = Field(
        default=None, description="JSON Schema (2020-12) of a run's input."
    )


STEP_FIELDS = tuple(field.alias or name for name, field in TaskStep.model_fields.items())
_MODELS: dict[StepKind, type[_Step]] = {
    StepKind.TASK: TaskStep,
    StepKind.WAIT: WaitStep,
    StepKind.APPROVAL: ApprovalStep,
    StepKind.WORKFLOW: WorkflowStep,
}
_PAYLOADS: dict[str, type[Request]] = {
    "wait": WaitPayload,
    "approval": ApprovalPayload,
    "workflow": WorkflowPayload,
}


def check_head(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Errors of a definition's own fields, as names and messages."""
    return _find(DefinitionHead, {"name": None, **body})


def check_step(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Errors of the fields of one step, as paths such as `payload.seconds` and messages."""
    return _find(_MODELS[StepKind.of(step.get("type"))], step)


def _find(model: type[Request], value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        model.model_validate(value)
    except pydantic.ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            yield join_path(found["loc"]), _explain(model, value, found)


def _explain(model: type[Request], value: Mapping[str, Any], error: ErrorDetails) -> str:
    *above, name = error["loc"]
    if error["type"] == "missing":
        return MISSING[str(name)]
    if error["type"] == "model_type":
        return NO_OBJECT
    if error["type"] != "extra_forbidden":
        return error["msg"]
    if above:
        inner = RetryIn if above[0] == "retry" else _PAYLOADS[value["type"]]
        known = [str(field.alias) for field in inner.model_fields.values()]
        return f"Unknown field; there are {', '.join(known[:-1])} and {known[-1]}."
    if not issubclass(model, _Step):
        return "Unknown field."
    if name in STEP_FIELDS:
        return f"Only for steps that are tasks, not for {value['type']!r}."
    near = difflib.get_close_matches(str(name), STEP_FIELDS, n=1)
    return f"Unknown field.{f' Did you mean {near[0]!r}?' if near else ''}"
