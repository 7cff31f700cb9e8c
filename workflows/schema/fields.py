"""The fields of a definition: each type with its bounds and its error."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, core_schema

from controlplane.core.clock import now, parse_time
from controlplane.core.names import InvalidNameError, check_name
from controlplane.core.schema.fields import OneOf, Saying, Text, refused
from tasks_app.schema.submission import MAX_PARENTS, MAX_WAIT
from workflows.keys import KEY, MAX_KEY_LENGTH
from workflows.language.cel import KEYWORDS
from workflows.language.templates import OPEN
from workflows.states import OnFailure

MAX_STEPS = 10_000
MAX_ITEMS = 10_000  # of a forEach that is a list
MAX_NAME_LENGTH = 200
MAX_DESCRIPTION_LENGTH = 10_000
MAX_QUESTION_LENGTH = 2_000
MAX_WAIT_SECONDS = int(MAX_WAIT.total_seconds())
NO_OBJECT = "This must be an object."
MISSING = {
    "key": "Give the step a key, or a name from which one can be derived.",
    "type": "The name of a task type, or wait, approval, workflow.",
    "workflow": "This must be the name or the id of a workflow.",
}
_NO_EXPRESSION = Saying("This must be an expression, as a string.")


@dataclass(frozen=True)
class AtMost:
    """A list of at most `count` values; other values pass."""

    count: int
    word: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "maxItems": self.count}

    def _check(self, value: Any) -> Any:
        if isinstance(value, list) and len(value) > self.count:
            raise refused(f"At most {self.count:,} {self.word}.")
        return value


def is_template(value: Any) -> bool:
    """Whether the value is known only in a run."""
    return isinstance(value, str) and OPEN in value


def _check_key(key: str) -> str:
    if key in KEYWORDS:
        raise refused(f"{key!r} is a word of the expression language: use another key.")
    return key


def _check_workflow_name(name: Any, _handler: Any) -> Any:
    try:
        return check_name(name, limit=MAX_NAME_LENGTH)
    except InvalidNameError as error:
        raise refused(str(error)) from None


def _check_until(value: Any, _handler: Any) -> Any:
    if is_template(value):
        return value
    try:
        is_too_far = parse_time(value) > now() + MAX_WAIT
    except ValueError as error:
        raise refused(str(error)) from None
    if is_too_far:
        raise refused("At most 10 years from now.")
    return value


Template = Annotated[str, Field(pattern=r"\{\{", description="A string with `{{ expression }}`.")]
Key = Annotated[
    str,
    Field(max_length=MAX_KEY_LENGTH, pattern=f"^{KEY.pattern}$"),
    Saying(
        f"Use 1 to {MAX_KEY_LENGTH} letters, digits and underscores, not beginning with a digit: "
        "the key is used as steps.<key>."
    ),
    AfterValidator(_check_key),
]
Parents = Annotated[
    list[str], Saying("This must be a list of keys of steps."), AtMost(MAX_PARENTS, "steps")
]
Condition = Annotated[str, _NO_EXPRESSION]
Items = Annotated[str | list[Any], _NO_EXPRESSION, AtMost(MAX_ITEMS, "items")]
Failure = Annotated[str, OneOf(tuple(OnFailure.values))]
TaskType = Annotated[str, Text(message=MISSING["type"])]
Seconds = Annotated[
    Annotated[float, Field(ge=0, le=MAX_WAIT_SECONDS, allow_inf_nan=False)] | Template,
    Saying(f"A number of seconds from 0 to {MAX_WAIT_SECONDS} (10 years)."),
]
Instant = Annotated[str, WrapValidator(_check_until)]
Question = Annotated[
    str,
    Text(
        MAX_QUESTION_LENGTH,
        minimum=0,
        message=f"A string of at most {MAX_QUESTION_LENGTH:,} characters.",
    ),
]
WorkflowReference = Annotated[str, Field(pattern=r"\S"), Saying(MISSING["workflow"])]
RunInput = Annotated[dict[str, Any] | Template, Saying(NO_OBJECT)]
WorkflowName = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_LENGTH), WrapValidator(_check_workflow_name)
]
Description = Annotated[
    str,
    Text(
        MAX_DESCRIPTION_LENGTH,
        minimum=0,
        message=f"A string of at most {MAX_DESCRIPTION_LENGTH:,} characters.",
    ),
]
