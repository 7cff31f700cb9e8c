"""A workflow's definition as a person writes it: every field with its type, bounds and help.

`WorkflowDefinition` gives the JSON Schema that OpenAPI publishes and an editor needs: one object
for each kind of step. What no schema can say (expressions, task types, cycles) is checked by
`workflows.checks`.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from workflows import fields
from workflows.fields import MAX_SHOWN_LENGTH, MAX_STEPS, MISSING, NO_OBJECT, field_error
from workflows.language.templates import write_path
from workflows.states import StepKind


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        field_title_generator=lambda name, _: name.replace("_", " ").capitalize(),
    )


class WaitPayload(_Model):
    """A period, or an instant: exactly one of the two."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["seconds"]}, {"required": ["until"]}]}
    )

    seconds: fields.Seconds | None = Field(
        default=None, description="The wait from the step's start."
    )
    until: fields.Instant | None = Field(
        default=None, description="A time with its zone, such as `2030-01-31T08:00:00Z`."
    )

    @model_validator(mode="before")
    @classmethod
    def _needs_one(cls, value: Any) -> Any:
        if isinstance(value, dict):
            is_one = (value.get("seconds") is None) != (value.get("until") is None)
            if not is_one and not set(value) - {"seconds", "until"}:
                raise field_error("Give `seconds` or `until`, one of them.")
        return value


class ApprovalPayload(_Model):
    """What a person is asked, and for how long."""

    message: fields.Question | None = Field(
        default=None, description="The question; it may hold `{{ expression }}`."
    )
    timeout_seconds: fields.Seconds | None = Field(
        default=None, description="The step fails when nobody decides within this time."
    )


class WorkflowPayload(_Model):
    """Another workflow, and the input of its run."""

    workflow: fields.WorkflowReference = Field(description="The name or the id of a workflow.")
    input: fields.RunInput = Field(default_factory=dict)


def _key_is_derived(schema: dict[str, Any]) -> None:
    """The check is made when keys were derived; whoever writes a step may leave its key out."""
    schema["required"].remove("key")


class _Step(_Model):
    model_config = ConfigDict(json_schema_extra=_key_is_derived)

    key: fields.Key = Field(
        description="The step's name in expressions. Derived from the name when it is left out: "
        "`Load the data` becomes `load_the_data`."
    )
    name: fields.StepName | None = None
    depends_on: fields.Parents | None = Field(default=None, description="Keys or names of steps.")
    when: fields.Condition | None = Field(
        default=None, description="An expression; the step is skipped when it is false."
    )
    on_failure: fields.Failure | None = Field(
        default=None, description="What a failure means for the run."
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_left_out(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = {k: v for k, v in value.items() if v is not None or k not in STEP_FIELDS}
        return {"payload": {}, **given}


class TaskStep(_Step):
    """A task, or with `forEach` one task for each item of a list."""

    type: fields.TaskType = Field(description="A task type.")
    payload: fields.Payload | None = Field(
        default=None, description="Its texts may hold `{{ expression }}`."
    )
    for_each: fields.Items | None = Field(
        default=None, description="A list, or an expression that gives one: a task for each item."
    )
    priority: fields.Priority | None = None
    max_attempts: fields.Attempts | None = None
    timeout_seconds: fields.TimeLimit | None = None
    queue: fields.QueueName | None = None
    tags: fields.Tags | None = None
    retry: fields.Retry | None = None


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


class DefinitionHead(_Model):
    """What a definition has beside its steps, which are checked one by one."""

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
_PAYLOADS: dict[str, type[_Model]] = {
    "wait": WaitPayload,
    "approval": ApprovalPayload,
    "workflow": WorkflowPayload,
}


def check_head(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a definition's own fields, as names and messages."""
    return _find(DefinitionHead, {"name": None, **body})


def check_step(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the fields of one step, as paths such as `payload.seconds` and
    messages."""
    return _find(_MODELS[StepKind.of(step.get("type"))], step)


def _find(model: type[_Model], value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        model.model_validate(value)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            yield _explain(model, value, found)


def _explain(model: type[_Model], value: Mapping[str, Any], error: Any) -> tuple[str, str]:
    path, kind = error["loc"], error["type"]
    name = str(path[-1])[:MAX_SHOWN_LENGTH] if path else ""
    path = (*path[:-1], name) if isinstance(path[-1], str) else path
    if kind == "missing":
        return write_path(path), MISSING[name]
    if kind == "model_type":
        return write_path(path), NO_OBJECT
    if kind == "extra_forbidden":
        return write_path(path), _explain_unknown(model, value, path)
    if field := error.get("ctx", {}).get("field"):
        path = (*path, field[:MAX_SHOWN_LENGTH])
    return write_path(path), error["msg"]


def _explain_unknown(model: type[_Model], value: Mapping[str, Any], path: tuple[Any, ...]) -> str:
    *above, name = path
    if above:  # a payload
        known = _PAYLOADS[value["type"]].model_fields.values()
        return f"Unknown field; there are {' and '.join(str(field.alias) for field in known)}."
    if not issubclass(model, _Step):
        return "Unknown field."
    if name in STEP_FIELDS:
        return f"Only for steps that are tasks, not for {value['type']!r}."
    near = difflib.get_close_matches(name, STEP_FIELDS, n=1)
    return f"Unknown field.{f' Did you mean {near[0]!r}?' if near else ''}"
