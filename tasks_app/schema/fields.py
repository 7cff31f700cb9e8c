"""Fields that several schemas of this app have, each declared once."""

from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from controlplane.core.schema import Request, Resource, shown
from controlplane.core.schema.fields import Matching, Names, Number, OneOf, Text, Whole, refused
from tasks_app.processors.registry import MAX_ATTEMPTS, MAX_TIMEOUT_SECONDS
from tasks_app.processors.retry import MAX_MS, STRATEGIES, InvalidRetryPolicy, RetryPolicy
from tasks_app.queues import NAME as QUEUE_NAME
from tasks_app.queues import NAME_RULE as QUEUE_NAME_RULE
from tasks_app.states import ErrorCategory, ParentFailure

MAX_NAME = 200
MAX_TAGS = 50
MAX_TAG = 100
MAX_KEY = 255

Priority = Annotated[int, Whole(-100, 100)]
Attempts = Annotated[int, Whole(1, MAX_ATTEMPTS)]
TimeoutSeconds = Annotated[float, Number(0.001, MAX_TIMEOUT_SECONDS)]
TaskName = Annotated[str, Text(MAX_NAME)]
QueueName = Annotated[
    str,
    Matching(
        QUEUE_NAME.fullmatch,
        f"{QUEUE_NAME_RULE} Leave it out for the queue of the task's type.",
        limit=100,
    ),
]
Tags = Annotated[list[str], Names(MAX_TAG, MAX_TAGS)]
IdempotencyKey = Annotated[str, Text(MAX_KEY)]
OnParentFailure = Annotated[str, OneOf(tuple(ParentFailure.values))]


class RetryIn(Request):
    """The wait before the next attempt: base · factor ^ (failed - 1) up to max, less jitter."""

    strategy: Annotated[str, OneOf(STRATEGIES)] = Field(
        default="exponential", description="How the wait grows with each failed attempt."
    )
    base_ms: Annotated[int, Whole(0, MAX_MS)] = 1_000
    factor: Annotated[float, Number(1, 1_000)] = 2.0
    max_ms: Annotated[int, Whole(0, MAX_MS)] = 3_600_000
    jitter: Annotated[float, Number(0, 1)] = 0.1


def _policy(wanted: RetryIn) -> RetryPolicy:
    try:
        return RetryPolicy(**dict(wanted))
    except InvalidRetryPolicy as error:
        problem = InitErrorDetails(type=refused(str(error)), loc=(error.field,), input=None)
        raise ValidationError.from_exception_data("retry", [problem]) from error


class _AsRetryIn:
    """Checked as a RetryIn, and then a RetryPolicy."""

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            _policy, handler.generate_schema(RetryIn)
        )


Retry = Annotated[RetryPolicy, _AsRetryIn()]


class Error(Resource):
    """A failure."""

    class_: str = shown("The exception's class.", alias="class")
    message: str
    traceback: str = shown(
        "Left out of lists, which also cut the message.", default="", in_export=False
    )
    category: ErrorCategory


class Times(Resource):
    """Milliseconds, of attempts; null when none ended in the window."""

    avg: float | None
    p50: float | None
    p95: float | None
    p99: float | None


def names_of(schema: type[Request]) -> str:
    """The fields of a change, for the message that none was given."""
    return ", ".join(info.alias or name for name, info in schema.model_fields.items())


def optional(help: str | None = None, **options: Any) -> Any:  # noqa: A002 - as Django calls it
    """A field of a request that may be left out; None then, which a client cannot send."""
    return Field(default=None, description=help, **options)
