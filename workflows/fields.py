"""The fields of a definition: each type with its bounds, and one message for all that can be wrong
with a value."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from controlplane.core.clock import now
from controlplane.core.names import InvalidNameError, check_name
from controlplane.core.times import parse_time
from controlplane.core.values import is_storable_text
from tasks_app.processors.registry import LONGEST_TIMEOUT_SECONDS, MOST_ATTEMPTS
from tasks_app.processors.retry import LONGEST_MS, STRATEGIES, InvalidRetryPolicy, RetryPolicy
from tasks_app.queues import NAME as QUEUE_NAME
from tasks_app.services.preparation import LONGEST_TAG, LONGEST_WAIT, MOST_PARENTS, MOST_TAGS
from workflows.keys import KEY, MAX_KEY_LENGTH
from workflows.language.cel import KEYWORDS
from workflows.language.templates import OPEN
from workflows.states import OnFailure

MAX_STEPS = 10_000
MAX_ITEMS = 10_000  # of a forEach that is a list
MAX_NAME_LENGTH = 200
MAX_DESCRIPTION_LENGTH = 10_000
MAX_QUESTION_LENGTH = 2_000
MAX_WAIT_SECONDS = int(LONGEST_WAIT.total_seconds())
MAX_SHOWN_LENGTH = 100  # of a name in an error

NO_OBJECT = "An object is needed."
MISSING = {
    "key": "Give the step a key, or a name from which one can be derived.",
    "type": "The name of a task type, or wait, approval, workflow.",
    "workflow": "The name or the id of a workflow is needed.",
}
_NO_EXPRESSION = "An expression, which is a text, is needed."
_NO_PERIOD = f"A number of seconds from 0 to {MAX_WAIT_SECONDS} (10 years)."
_WITHOUT = ", without NUL and lone surrogates"


def field_error(message: str, **context: Any) -> PydanticCustomError:
    return PydanticCustomError("definition", "{message}", {"message": message, **context})


def _message(text: str | Callable[[Any], str]) -> WrapValidator:
    """Whatever is wrong with the value, one error says this."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise field_error(text if isinstance(text, str) else text(value)) from None

    return WrapValidator(check)


def _of_list(not_a_list: str, wrong_list: str) -> WrapValidator:
    return _message(lambda value: wrong_list if isinstance(value, list) else not_a_list)


def _check_key(key: str) -> str:
    if key in KEYWORDS:
        raise field_error(f"{key!r} is a word of the expression language: take another key.")
    return key


def _check_storable(text: str) -> str:
    if not is_storable_text(text):
        raise ValueError(text)
    return text


def _check_tags(tags: list[str]) -> list[str]:
    for number, tag in enumerate(tags):
        try:
            check_name(tag, limit=LONGEST_TAG)
        except InvalidNameError as error:
            raise field_error(f"Tag {number + 1}: {error}") from None
    return tags


def _check_retry(retry: dict[str, Any]) -> dict[str, Any]:
    try:
        RetryPolicy.from_json(retry)
    except InvalidRetryPolicy as error:
        raise field_error(str(error), field=error.field) from None
    return retry


def _check_workflow_name(name: Any, _handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check_name(name, limit=MAX_NAME_LENGTH)
    except InvalidNameError as error:
        raise field_error(str(error)) from None


def _check_until(value: Any, _handler: ValidatorFunctionWrapHandler) -> Any:
    if is_template(value):
        return value
    try:
        is_too_far = parse_time(value) > now() + LONGEST_WAIT
    except ValueError as error:
        raise field_error(str(error)) from None
    if is_too_far:
        raise field_error("At most 10 years from now.")
    return value


def is_template(value: Any) -> bool:
    """Whether the value is known only in a run."""
    return isinstance(value, str) and OPEN in value


Template = Annotated[str, Field(pattern=r"\{\{", description="A text with `{{ expression }}`.")]
Key = Annotated[
    str,
    Field(min_length=1, max_length=MAX_KEY_LENGTH, pattern=f"^{KEY.pattern}$"),
    _message(
        f"Use 1 to {MAX_KEY_LENGTH} letters, digits and underscores, not beginning with a digit: "
        "the key is used as steps.<key>."
    ),
    AfterValidator(_check_key),
]
StepName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME_LENGTH),
    AfterValidator(_check_storable),
    _message(f"1 to {MAX_NAME_LENGTH} characters{_WITHOUT}."),
]
Parents = Annotated[
    list[str],
    Field(max_length=MOST_PARENTS),
    _message(
        lambda value: (
            f"At most {MOST_PARENTS:,} steps."
            if isinstance(value, list) and all(isinstance(each, str) for each in value)
            else "A list of keys of steps is needed."
        )
    ),
]
Condition = Annotated[str, _message(_NO_EXPRESSION)]
Items = Annotated[
    str | Annotated[list[Any], Field(max_length=MAX_ITEMS)],
    _of_list(_NO_EXPRESSION, f"At most {MAX_ITEMS:,} items."),
]
Priority = Annotated[int, Field(ge=-100, le=100), _message("A whole number from -100 to 100.")]
Attempts = Annotated[
    int, Field(ge=1, le=MOST_ATTEMPTS), _message(f"A whole number from 1 to {MOST_ATTEMPTS}.")
]
TimeLimit = Annotated[
    float,
    Field(ge=0.001, le=LONGEST_TIMEOUT_SECONDS, allow_inf_nan=False),
    _message(f"A number from 0.001 to {LONGEST_TIMEOUT_SECONDS}."),
]
Failure = Annotated[
    Literal["fail", "continue", "skip-dependents"],
    _message(f"One of {', '.join(OnFailure.values)}."),
]
QueueName = Annotated[
    str,
    Field(pattern=f"^{QUEUE_NAME.pattern}$"),
    _message("1 to 100 letters, digits, '.', '_', ':' and '-', the first a letter or digit."),
]
Tags = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_check_storable)]],
    Field(max_length=MOST_TAGS),
    _of_list(
        "A list of texts is needed.",
        f"At most {MOST_TAGS} tags of 1 to {LONGEST_TAG} characters{_WITHOUT}.",
    ),
    AfterValidator(_check_tags),
]
Retry = Annotated[
    dict[str, Any],
    _message(NO_OBJECT),
    AfterValidator(_check_retry),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "strategy": {"type": "string", "enum": list(STRATEGIES)},
                "baseMs": {"type": "integer", "minimum": 0, "maximum": LONGEST_MS},
                "factor": {"type": "number", "minimum": 1, "maximum": 1_000},
                "maxMs": {"type": "integer", "minimum": 0, "maximum": LONGEST_MS},
                "jitter": {"type": "number", "minimum": 0, "maximum": 1},
            },
        }
    ),
]
Payload = Annotated[dict[str, Any], _message(NO_OBJECT)]
Seconds = Annotated[
    Annotated[float, Field(ge=0, le=MAX_WAIT_SECONDS, allow_inf_nan=False)] | Template,
    _message(_NO_PERIOD),
]
WorkflowName = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_LENGTH), WrapValidator(_check_workflow_name)
]
Description = Annotated[
    str,
    Field(max_length=MAX_DESCRIPTION_LENGTH),
    _message(f"A text of at most {MAX_DESCRIPTION_LENGTH:,} characters."),
]
Question = Annotated[
    str,
    Field(max_length=MAX_QUESTION_LENGTH),
    _message(f"A text of at most {MAX_QUESTION_LENGTH:,} characters."),
]
Instant = Annotated[str, WrapValidator(_check_until)]
WorkflowReference = Annotated[str, Field(pattern=r"\S"), _message(MISSING["workflow"])]
RunInput = Annotated[dict[str, Any] | Template, _message(NO_OBJECT)]
TaskType = Annotated[
    str,
    Field(min_length=1, json_schema_extra={"not": {"enum": ["wait", "approval", "workflow"]}}),
    _message(MISSING["type"]),
]
