"""The rules for submitted and changed tasks, checked here for every caller."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from operator import attrgetter, is_
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

import pydantic
from annotated_types import MaxLen, MinLen
from pydantic import FailFast, Field

from controlplane.core.clock import now as utc_now
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.schema import Request, Resource, read_problems, shown
from controlplane.core.schema.base import MAX_ERRORS, join_path
from controlplane.core.schema.fields import JsonObject, Moment, Saying, Text, Whole
from controlplane.core.schema.filters import within
from controlplane.core.values import check_payload_value
from tasks_app.processors import registry
from tasks_app.processors.registry import Processor, UnknownType
from tasks_app.schema.fields import (
    MAX_TAG,
    MAX_TAGS,
    Attempts,
    IdempotencyKey,
    OnParentFailure,
    Priority,
    QueueName,
    Retry,
    Tags,
    TaskName,
    TimeoutSeconds,
    names_of,
    optional,
)
from tasks_app.specs import TaskSpec
from tasks_app.states import ParentFailure

MAX_PARENTS = 10_000
MAX_WAIT = timedelta(days=3_650)
_MAX_WAIT_MS = MAX_WAIT // timedelta(milliseconds=1)

Delay = Annotated[
    int, Whole(0, _MAX_WAIT_MS, f"Whole milliseconds from 0 to {_MAX_WAIT_MS} (10 years).")
]
TypeName = Annotated[
    str, Text(200, message="A string of 1 to 200 characters: one of GET /task-types.")
]
Parents = Annotated[
    list[Annotated[str, Field(min_length=1)]], FailFast(), Saying("This must be a list of strings.")
]


class TaskFields(Request):
    """The fields of every submitted task, with their rules."""

    null_is_absent: ClassVar[bool] = True

    name: TaskName = optional("Name of the task; leave it out for its type.")
    priority: Priority = Field(default=0, description="Higher runs first.")
    delay_ms: Delay = optional("Milliseconds to wait; instead of runAt.", alias="delay")
    run_at: Moment = optional("Earliest start; instead of delay.")
    queue: QueueName = optional("Leave it out for the queue of the type.")
    max_attempts: Attempts = optional("Maximum attempts.")
    timeout_seconds: TimeoutSeconds = optional("Time limit of an attempt.")
    on_parent_failure: OnParentFailure = Field(
        default=ParentFailure.CANCEL.value,
        description="What happens when a task of dependsOn fails or is cancelled.",
    )
    tags: Tags = Field(default_factory=list, description="Words to find the task by.")

    def cross_check(self) -> Iterable[FieldError]:
        """Its times."""
        if self.run_at is not None:
            yield from find_time_problems(self.delay_ms, self.run_at, utc_now())


class _SpecFields(TaskFields):
    """The fields of a TaskSpec with their own rules."""

    idempotency_key: IdempotencyKey = optional()


class _Submitted(TaskFields):
    type: TypeName = Field(description="One of `GET /task-types`.")
    payload: JsonObject = Field(
        default_factory=dict, description="Must fit the type's schema; at most 256 KiB."
    )
    depends_on: Parents = Field(default_factory=list, description="Ids of tasks to wait for.")
    retry: Retry = optional()

    # A TaskSpec has these, which no client can send.
    workflow_run_id: ClassVar[UUID | None] = None
    step_key: ClassVar[str | None] = None
    reprocess_of: ClassVar[UUID | None] = None

    @classmethod
    def further_problems(cls, body: Any, wrong: Collection[str]) -> Iterable[FieldError]:
        """An unknown type, and what the type's model refuses of the payload."""
        named = body.get("type") if isinstance(body, dict) else None
        if isinstance(named, str) and "type" not in wrong:
            payload = None if "payload" in wrong else body.get("payload") or {}
            yield from find_type_problems(named, payload)


class TaskIn(_Submitted):
    """A task to submit. Only `type` is required; other fields default to those of the type."""

    example: ClassVar[Mapping[str, Any]] = {
        "name": "Resize the picture",
        "type": "noop",
        "payload": {},
        "priority": 10,
        "tags": ["pictures"],
    }
    ref: ClassVar[str | None] = None

    idempotency_key: IdempotencyKey = optional(
        "Or the header Idempotency-Key: the same key and body within 24 h give the first answer "
        "again."
    )


class BulkTaskIn(_Submitted):
    """A task of a bulk call. `dependsOn` may name the `ref` of another one."""

    idempotency_key: ClassVar[str | None] = None  # one key covers the whole call
    ref: Annotated[str, Text()] = optional("A name for it, valid in this call.")


class BulkIn(Request):
    """Tasks to submit, all or none."""

    null_is_absent: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {
        "tasks": [{"type": "noop", "ref": "first"}, {"type": "noop", "dependsOn": ["first"]}]
    }

    tasks: Annotated[list[BulkTaskIn], MinLen(1), FailFast()]
    idempotency_key: IdempotencyKey = optional()

    def cross_check(self) -> Iterable[FieldError]:
        """The times of each task."""
        for number, task in enumerate(self.tasks):
            yield from within(f"tasks[{number}]", task.cross_check())

    @classmethod
    def find_problems(
        cls, body: Any, check: Callable[[Self], object] | None = None
    ) -> list[FieldError]:
        """Those beside the tasks, then those of each task until there are enough."""
        found = super().find_problems(body, check)
        problems = [each for each in found if not each["field"].startswith("tasks[")]
        tasks = body.get("tasks") if isinstance(body, dict) else None
        for number, task in enumerate(tasks if isinstance(tasks, list) else ()):
            problems += within(f"tasks[{number}]", BulkTaskIn.find_problems(task))
            if len(problems) >= MAX_ERRORS:
                break
        return problems


class Submitted(Resource):
    """The new tasks, in the order of the request."""

    created: int = shown(compute=lambda done: len(done.ids))
    ids: list[UUID]


class TaskChange(Request):
    """Changes to a task that has not started."""

    priority: Priority = optional()
    run_at: Moment | None = Field(default=None, description="null: as soon as possible.")
    payload: JsonObject = optional()
    max_attempts: Attempts = optional()
    tags: Annotated[list[Annotated[str, Text(MAX_TAG)]], MaxLen(MAX_TAGS)] = optional()

    def cross_check(self) -> Iterable[FieldError]:
        """Something must be given."""
        if not self.model_fields_set:
            yield {"field": "", "message": f"Give at least one of: {names_of(TaskChange)}."}

    @property
    def changes(self) -> dict[str, Any]:
        """The columns that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def find_problems(spec: TaskSpec, *, now: datetime) -> list[FieldError]:
    """Errors in a spec's numbers, texts and times; not in its type and payload."""
    values = _read_ruled(spec)
    problems: list[FieldError] = []
    # Identity: what equals a default, as False does 0, may be of a wrong type.
    if not all(map(is_, values, _DEFAULTS)):
        given = zip(_RULED.values(), values, strict=True)
        try:
            _SpecFields.model_validate({alias: v for alias, v in given if v is not None})
        except pydantic.ValidationError as error:
            problems += read_problems(error)
    if spec.run_at is not None:
        problems += find_time_problems(spec.delay_ms, spec.run_at, now)
    if len(spec.depends_on) > MAX_PARENTS:
        problems.append({"field": "dependsOn", "message": f"At most {MAX_PARENTS} tasks."})
    return problems


def find_time_problems(
    delay_ms: int | None, run_at: datetime, now: datetime
) -> Iterable[FieldError]:
    """Errors in the combination of times, and in a time that is not from JSON."""
    if delay_ms is not None:
        yield {"field": "runAt", "message": "Give delay or runAt, not both."}
    if run_at.tzinfo is None:
        message = "A time with its zone, such as 2030-01-31T08:00:00Z."
        yield {"field": "runAt", "message": message}
    elif run_at > now + MAX_WAIT:
        yield {"field": "runAt", "message": "At most 10 years from now."}


def find_type_problems(type_name: str, payload: Any) -> list[FieldError]:
    """Errors of an unknown type, or of a payload that does not fit its type; None is not checked.
    Raises TooLarge.
    """
    try:
        processor = registry.get(type_name)
        return [] if payload is None else check_payload(payload, processor)[1]
    except UnknownType as error:
        return [{"field": "type", "message": str(error)}]
    except Invalid as error:
        return error.errors


def check_payload(
    payload: Any, processor: Processor, *, prefix: str = ""
) -> tuple[str, list[FieldError]]:
    """The payload as JSON, and its errors from the type's model; `prefix` is put before field
    names. Raises Invalid for values that cannot be stored as JSON, TooLarge.
    """
    if payload == {}:
        if processor.payload_model is None:
            return "{}", []
        payload, text = {}, b"{}"
    else:
        if not isinstance(payload, dict):
            payload = dict(payload) if hasattr(payload, "keys") else payload
        text = check_payload_value(payload, field=f"{prefix}payload")
    try:
        processor.validate(payload)
    except pydantic.ValidationError as error:
        return "", [
            {"field": join_path((f"{prefix}payload", *part["loc"])), "message": part["msg"]}
            for part in error.errors(include_url=False, include_input=False, include_context=False)
        ]
    return text.decode(), []


_RULED = {name: info.alias or name for name, info in _SpecFields.model_fields.items()}
_read_ruled = attrgetter(*_RULED)
_DEFAULTS = _read_ruled(TaskSpec(type=""))
