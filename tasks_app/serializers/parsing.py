"""From the body of a submission to specs, quickly: ten thousand tasks in a fraction of a second.

Types and names are checked here; values by the service, which others call too.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.times import parse_time
from tasks_app.processors.retry import InvalidRetryPolicy, RetryPolicy
from tasks_app.specs import TaskSpec

_MOST_ERRORS = 100
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
    if errors or spec is None:
        raise Invalid(errors=errors)
    spec["idempotency_key"] = one_key(key, spec.get("idempotency_key"))
    return TaskSpec(**spec)


def parse_bulk(body: Any, *, key: str | None = None) -> tuple[list[TaskSpec], str | None]:
    """The specs of a bulk call, and its idempotency key. Raises Invalid."""
    if not isinstance(body, dict) or not isinstance(body.get("tasks"), list):
        raise _invalid("tasks", "A list of tasks is needed.")
    if not body["tasks"]:
        raise _invalid("tasks", "At least one task is needed.")
    unknown = [name for name in body if name not in ("tasks", "idempotencyKey")]
    if unknown:
        raise _invalid(unknown[0][:_NAME_SHOWN], "Unknown field.")
    own_key = body.get("idempotencyKey")
    if own_key is not None and not isinstance(own_key, str):
        raise _invalid("idempotencyKey", "A text is needed.")
    found: list[dict[str, Any]] = []
    problems: list[FieldError] = []
    for number, item in enumerate(body["tasks"]):
        spec, errors = _parse(item, _BULK, f"tasks[{number}].")
        problems += errors
        if spec is not None:
            found.append(spec)
        if len(problems) >= _MOST_ERRORS:
            break
    if problems:
        raise Invalid(errors=problems)
    return [TaskSpec(**spec) for spec in found], one_key(key, own_key)


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
) -> tuple[dict[str, Any] | None, list[FieldError]]:
    if not isinstance(item, dict):
        return None, [{"field": prefix.rstrip("."), "message": "An object is needed."}]
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
    return (None if errors else spec), errors


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
