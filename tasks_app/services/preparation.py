"""From what a submitter says to a row: defaults filled in, every value checked."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pydantic
from django.conf import settings

from controlplane.core.clock import now as utc_now
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.ids import uuid7
from controlplane.core.names import InvalidNameError, canonical_name, check_name
from controlplane.core.values import check_json_value, is_storable_text
from tasks_app.processors import registry
from tasks_app.processors.registry import (
    MAX_ATTEMPTS,
    MAX_TIMEOUT_SECONDS,
    Processor,
    UnknownType,
)
from tasks_app.queues import NAME as QUEUE_NAME
from tasks_app.queues import NAME_RULE as QUEUE_NAME_RULE
from tasks_app.rows import NewTask
from tasks_app.services.lanes import Lanes
from tasks_app.specs import TaskSpec
from tasks_app.states import ParentFailure, TaskState

MAX_TAGS = 50
MAX_TAG = 100
MAX_PARENTS = 10_000
MAX_WAIT = timedelta(days=3_650)
_WITHOUT = ", without NUL and lone surrogates"

Problem = FieldError


def prepare(spec: TaskSpec, *, lanes: Lanes, now: datetime, prefix: str = "") -> NewTask:
    """The row of a spec, as if it had no parents. `prefix` goes before field names in errors.

    Raises Invalid with every wrong field, TooLarge for a payload over its limit.
    """
    processor, payload, problems = _check(spec, now, prefix)
    if processor is None or problems:
        raise Invalid(
            errors=[{"field": prefix + p["field"], "message": p["message"]} for p in problems]
        )
    queue = processor.queue if spec.queue is None else spec.queue
    lane = lanes.get(queue, field=f"{prefix}queue")
    return _row(spec, processor, lanes.workspace_id, lane, payload, now)


def find_all_problems(spec: TaskSpec, *, now: datetime) -> list[Problem]:
    """Everything that `prepare` would refuse, but for a queue too many. Raises TooLarge."""
    return _check(spec, now, "")[2]


def _check(
    spec: TaskSpec, now: datetime, prefix: str
) -> tuple[Processor | None, str, list[Problem]]:
    """The processor, the payload as JSON, and what is wrong."""
    problems = find_problems(spec, now=now)
    try:
        processor = registry.get(spec.type)
    except UnknownType as error:
        return None, "", [_problem("type", str(error)), *problems]
    payload, payload_problems = _check_payload(spec, processor, prefix)
    return processor, payload, problems + payload_problems


def _row(
    spec: TaskSpec,
    processor: Processor,
    workspace_id: UUID,
    lane: int,
    payload: str,
    now: datetime,
) -> NewTask:
    run_at = now + timedelta(milliseconds=spec.delay_ms) if spec.delay_ms else spec.run_at
    is_due_later = run_at is not None and run_at > now
    attempts = spec.max_attempts or processor.max_attempts
    return NewTask(
        id=uuid7(),
        workspace_id=workspace_id,
        queue_id=lane,
        type=processor.name,
        name=spec.name or processor.name,
        state=(TaskState.SCHEDULED if is_due_later else TaskState.PENDING).value,
        priority=spec.priority,
        payload=payload,
        max_attempts=attempts,
        round_attempts=attempts,
        retry=orjson.dumps(spec.retry.to_json()).decode() if spec.retry else None,
        timeout_ms=max(1, int((spec.timeout_seconds or processor.timeout_seconds) * 1000)),
        run_at=run_at,
        blocked_by=0,
        on_parent_failure=spec.on_parent_failure,
        tags=canonical_tags(spec.tags),
        workflow_run_id=spec.workflow_run_id,
        step_key=spec.step_key,
        idempotency_key=spec.idempotency_key,
        created_at=now,
        finished_at=None,
        error=None,
        has_dependents=False,
        reprocess_of=spec.reprocess_of,
    )


def canonical_tags(tags: Sequence[str]) -> list[str]:
    """The tags as they are kept and compared, each once."""
    return list(dict.fromkeys(map(canonical_name, tags)))


def find_problems(spec: TaskSpec, *, now: datetime) -> list[Problem]:
    """What is wrong with a spec's numbers, texts and times; not with its type, payload, queue."""
    return [*_check_numbers(spec), *_check_texts(spec), *_check_times(spec, now)]


def prepare_changes(changes: Mapping[str, Any], *, type_name: str) -> dict[str, Any]:
    """The columns of `priority`, `run_at`, `payload`, `max_attempts` and `tags` of a waiting task.

    Raises Invalid with every wrong field, TooLarge.
    """
    columns = dict(changes)
    spec = TaskSpec(type=type_name, **columns)
    problems = find_problems(spec, now=utc_now())
    if "payload" in columns:
        try:
            text, payload_problems = _check_payload(spec, registry.get(type_name), "")
        except UnknownType as error:
            raise Invalid(errors=[{"field": "payload", "message": str(error)}]) from error
        columns["payload"] = text
        problems += payload_problems
    if problems:
        raise Invalid(errors=problems)
    if "tags" in columns:
        columns["tags"] = canonical_tags(columns["tags"])
    return columns


def _check_payload(spec: TaskSpec, processor: Processor, prefix: str) -> tuple[str, list[Problem]]:
    payload = spec.payload
    if payload == {} and processor.payload_model is None:
        return "{}", []
    limit: int = settings.TASKPLANE["PAYLOAD_MAX_BYTES"]
    if not isinstance(payload, dict):
        payload = dict(payload) if hasattr(payload, "keys") else payload
    text = check_json_value(
        payload,
        max_bytes=limit,
        max_depth=settings.TASKPLANE["JSON_MAX_DEPTH"],
        field=f"{prefix}payload",
    )
    try:
        processor.validate(payload)
    except pydantic.ValidationError as error:
        return "", [
            {"field": _path(("payload", *part["loc"])), "message": part["msg"]}
            for part in error.errors(include_url=False, include_input=False, include_context=False)
        ]
    return text.decode(), []


def _path(parts: tuple[int | str, ...]) -> str:
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _check_numbers(spec: TaskSpec) -> list[Problem]:
    problems = []
    if not _is_whole(spec.priority, -100, 100):
        problems.append(_problem("priority", "A whole number from -100 to 100."))
    if spec.max_attempts is not None and not _is_whole(spec.max_attempts, 1, MAX_ATTEMPTS):
        problems.append(_problem("maxAttempts", f"A whole number from 1 to {MAX_ATTEMPTS}."))
    seconds = spec.timeout_seconds
    if seconds is not None and not (
        isinstance(seconds, int | float)
        and not isinstance(seconds, bool)
        and math.isfinite(seconds)
        and 0.001 <= seconds <= MAX_TIMEOUT_SECONDS
    ):
        problems.append(
            _problem("timeoutSeconds", f"A number from 0.001 to {MAX_TIMEOUT_SECONDS}.")
        )
    if len(spec.depends_on) > MAX_PARENTS:
        problems.append(_problem("dependsOn", f"At most {MAX_PARENTS} tasks."))
    return problems


def _check_texts(spec: TaskSpec) -> list[Problem]:
    problems = []
    if spec.name is not None and not _is_text(spec.name, 200):
        problems.append(_problem("name", f"1 to 200 characters{_WITHOUT}."))
    if spec.idempotency_key is not None and not _is_text(spec.idempotency_key, 255):
        problems.append(_problem("idempotencyKey", f"1 to 255 characters{_WITHOUT}."))
    problems += _check_tags(spec.tags)
    if spec.queue is not None and not QUEUE_NAME.fullmatch(spec.queue):
        hint = "" if spec.queue else " Leave it out for the queue of the task's type."
        problems.append(_problem("queue", QUEUE_NAME_RULE + hint))
    if spec.on_parent_failure not in ParentFailure.values:
        problems.append(_problem("onParentFailure", f"One of {', '.join(ParentFailure.values)}."))
    return problems


def _check_tags(tags: Sequence[object]) -> list[Problem]:
    if len(tags) > MAX_TAGS or not all(_is_text(tag, MAX_TAG) for tag in tags):
        message = f"At most {MAX_TAGS} tags of 1 to {MAX_TAG} characters{_WITHOUT}."
        return [_problem("tags", message)]
    for number, tag in enumerate(tags):
        try:
            check_name(tag, limit=MAX_TAG)
        except InvalidNameError as error:
            return [_problem("tags", f"Tag {number + 1}: {error}")]
    return []


def _check_times(spec: TaskSpec, now: datetime) -> list[Problem]:
    problems = []
    if spec.delay_ms is not None and spec.run_at is not None:
        problems.append(_problem("runAt", "Give delay or runAt, not both."))
    most_ms = MAX_WAIT // timedelta(milliseconds=1)
    if spec.delay_ms is not None and not _is_whole(spec.delay_ms, 0, most_ms):
        problems.append(_problem("delay", f"Whole milliseconds from 0 to {most_ms} (10 years)."))
    if spec.run_at is not None:
        if spec.run_at.tzinfo is None:
            problems.append(
                _problem("runAt", "A time with its zone, such as 2030-01-31T08:00:00Z.")
            )
        elif spec.run_at > now + MAX_WAIT:
            problems.append(_problem("runAt", "At most 10 years from now."))
    return problems


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and is_storable_text(value)


def _problem(field: str, message: str) -> Problem:
    return {"field": field, "message": message}
