"""From the library's values to JSON."""

import base64
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from controlplane.core.errors import Invalid, TooLarge
from controlplane.core.values import check_json_value
from workflows.language.errors import ExpressionError

MIN_RESULT_BYTES = 4 * 1024 * 1024
"""Maximum length of a value as JSON, or that of a payload if it is greater."""
_MICROSECOND = timedelta(microseconds=1)


def max_bytes() -> int:
    """The maximum length of a value as JSON."""
    return max(MIN_RESULT_BYTES, int(settings.TASKPLANE["PAYLOAD_MAX_BYTES"]))


def to_json(value: Any) -> tuple[Any, int]:
    """The value, and its length as JSON.

    Times become RFC 3339 texts in UTC, durations texts such as `90s`, bytes base64. Raises
    ExpressionError, without a column, for values without a JSON form, and for values that are too
    large.
    """
    found = _convert(value)
    try:
        text = check_json_value(
            found,
            max_bytes=max_bytes(),
            max_depth=settings.TASKPLANE["JSON_MAX_DEPTH"],
            field="the value",
        )
    except Invalid as error:
        problem = error.errors[0]
        raise ExpressionError(f"In {problem['field']}: {problem['message']}") from None
    except TooLarge as error:
        raise ExpressionError(error.detail[0].upper() + error.detail[1:]) from None
    return found, len(text)


def _convert(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError(f"The value is {value}, which JSON cannot hold.")
        return value
    if isinstance(value, list | tuple):
        return [_convert(item) for item in value]
    if isinstance(value, dict):
        return {_convert_key(key): _convert(item) for key, item in value.items()}
    return _convert_scalar(value)


def _convert_key(key: Any) -> str:
    if not isinstance(key, str):
        raise ExpressionError(
            f"A key of a map must be a string in JSON, not {key!r}: write string(…)."
        )
    return key


def _convert_scalar(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return _write_duration(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise ExpressionError(f"{value} is a type, which JSON cannot hold.")


def _write_duration(value: timedelta) -> str:
    whole, micros = divmod(abs(value) // _MICROSECOND, 1_000_000)
    fraction = f".{micros:06}".rstrip("0") if micros else ""
    return f"{'-' if value < timedelta(0) else ''}{whole}{fraction}s"
