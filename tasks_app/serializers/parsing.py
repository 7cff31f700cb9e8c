"""From the body of a submission to specs, quickly: ten thousand tasks in a fraction of a second.

Types and names are checked here; values by the service, which others call too. When something is
wrong here, the service's checks are made as well, so that one answer names everything.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from controlplane.core.clock import now
from controlplane.core.errors import FieldError, Invalid
from controlplane.core.times import parse_time
from tasks_app.processors.retry import InvalidRetryPolicy, RetryPolicy
from tasks_app.services.preparation import find_all_problems
from tasks_app.specs import TaskSpec

_MAX_ERRORS = 100
_NAME_SHOWN = 100


class _FieldValueError(ValueError):
    """`field` is relative to the field that was read; the message is for the client."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def parse_task(body: Any, *, key: str | None = None) -> TaskSpec:
    """The spec of one task. `key` is that of the header Idempotency-Key.

    Raises Invalid.
    """
    spec, errors = _parse(body, _SINGLE, "")
    if errors:
        raise Invalid(errors=[*errors, *_more_problems(spec, errors, "")])
    spec["idempotency_key"] = one_key(key, spec.get("idempotency_key"))
    return TaskSpec(**spec)


def parse_bulk(body: Any, *, key: str | None = None) -> tuple[list[TaskSpec], str | None]:
    """The specs of a bulk call, and its idempotency key. Raises Invalid."""
    if not isinstance(body, dict) or not isinstance(body.get("tasks"), list):
        raise _invalid("tasks", "A list of tasks is needed.")
    problems = _problems_of_bulk(body)
    own_key = body.get("idempotencyKey")
    found = [_parse(item, _BULK, f"tasks[{n}].") for n, item in enumerate(body["tasks"])]
    if problems or any(errors for _, errors in found):
        for number, (spec, errors) in enumerate(found):
            problems += [*errors, *_more_problems(spec, errors, f"tasks[{number}].")]
            if len(problems) >= _MAX_ERRORS:
                break
        raise Invalid(errors=problems[:_MAX_ERRORS])
    return [TaskSpec(**spec) for spec, _ in found], one_key(key, own_key)


def _problems_of_bulk(body: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong beside the tasks."""
    problems: list[FieldError] = [
        {"field": name[:_NAME_SHOWN], "message": "Unknown field."}
        for name in body
        if name not in ("tasks", "idempotencyKey")
    ]
    own_key = body.get("idempotencyKey")
    if own_key is not None and not isinstance(own_key, str):
        problems.append({"field": "idempotencyKey", "message": "A text is needed."})
    if not body["tasks"]:
        problems.append({"field": "tasks", "message": "At least one task is needed."})
    return problems


def one_key(header: str | None, field: str | None) -> str | None:
    """The idempotency key of a call: that of the header or that of the body. Raises Invalid."""
    if header is not None and field is not None and header != field:
        raise _invalid(
            "idempotencyKey", "The header Idempotency-Key names another key: send one of them."
        )
    key = header if header is not None else field
    if key is not None and not (0 < len(key) <= 255 and "\x00" not in key):
        raise _invalid("idempotencyKey", "1 to 255 characters, without NUL.")
    return key


def _parse(
    item: Any, fields: Mapping[str, tuple[str, Callable[[Any], Any]]], prefix: str
) -> tuple[dict[str, Any], list[FieldError]]:
    """What could be read of a task, and what is wrong."""
    if not isinstance(item, dict):
        return {}, [{"field": prefix.rstrip("."), "message": "An object is needed."}]
    spec: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in item.items():
        known = fields.get(name)
        if known is None:
            errors.append({"field": f"{prefix}{name[:_NAME_SHOWN]}", "message": "Unknown field."})
        elif value is not None:
            column, read = known
            try:
                spec[column] = read(value)
            except _FieldValueError as error:
                path = f"{name}.{error.field}" if error.field else name
                errors.append({"field": prefix + path, "message": str(error)})
    if not item.get("type"):
        errors.append({"field": f"{prefix}type", "message": "This field is required."})
    return spec, errors


def _more_problems(
    spec: Mapping[str, Any], errors: Sequence[FieldError], prefix: str
) -> list[FieldError]:
    """What the service would refuse of what could be read, on fields without an error."""
    known = {error["field"] for error in errors}
    if not spec or prefix.rstrip(".") in known:
        return []
    found = find_all_problems(TaskSpec(**{"type": "", **spec}), now=now())
    named: list[FieldError] = [
        {"field": prefix + problem["field"], "message": problem["message"]} for problem in found
    ]
    below = tuple(f"{field}{mark}" for field in known for mark in (".", "["))
    return [p for p in named if p["field"] not in known and not p["field"].startswith(below)]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _FieldValueError("A text is needed.")
    return value


def _as_it_is(value: Any) -> Any:
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _FieldValueError("An object is needed.")
    return value


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _FieldValueError("A list of texts is needed.")
    return value


def _time(value: Any) -> datetime:
    try:
        return parse_time(value)
    except ValueError as error:
        raise _FieldValueError(str(error)) from None


def _retry(value: Any) -> RetryPolicy:
    try:
        return RetryPolicy.from_json(_object(value))
    except InvalidRetryPolicy as error:
        raise _FieldValueError(str(error), field=error.field[:_NAME_SHOWN]) from error


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(errors=[{"field": field, "message": message}])


_COMMON: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "type": ("type", _text),
    "name": ("name", _text),
    "payload": ("payload", _object),
    "priority": ("priority", _as_it_is),
    "delay": ("delay_ms", _as_it_is),
    "runAt": ("run_at", _time),
    "queue": ("queue", _text),
    "maxAttempts": ("max_attempts", _as_it_is),
    "timeoutSeconds": ("timeout_seconds", _as_it_is),
    "dependsOn": ("depends_on", _texts),
    "onParentFailure": ("on_parent_failure", _text),
    "tags": ("tags", _texts),
    "retry": ("retry", _retry),
}
_SINGLE = {**_COMMON, "idempotencyKey": ("idempotency_key", _text)}
_BULK = {**_COMMON, "ref": ("ref", _text)}
