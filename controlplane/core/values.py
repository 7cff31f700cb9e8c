"""Values to be stored as JSON: checked once, with the place of an error."""

import math
from typing import Any

from django.conf import settings

from controlplane.core.errors import FieldError, Invalid, TooLarge
from controlplane.core.jsonb import INTEGER_MAX, INTEGER_MIN, LARGE_FLOAT, dump_jsonb

TOO_LONG_INTEGER = "an integer must fit in 64 bits (from -2^63 to 2^63-1)"
NUL = "the character U+0000 cannot be stored"
SURROGATE = "a lone surrogate is not a character and cannot be stored"
_NUMBERS, _LISTS = (int, float), (list, tuple)  # a union would be made at each use
_KEY_SHOWN = 100
_PATH_SHOWN = 300
_SMALL_FLOAT = 1e-16
_IN_FULL = " Floats count with all their digits: 1e300 and 1e-300 have about 300 each."


def check_json_value(value: Any, *, max_bytes: int, max_depth: int, field: str) -> bytes:
    """The value as compact JSON in UTF-8, as `dump_jsonb` writes it.

    A scalar has depth 0, `[]` has depth 1. Keys must be strings; numbers finite, integers within
    64 bits; no U+0000 and no lone surrogate anywhere.

    Raises: Invalid: it is not such a value, or deeper than `max_depth`; the error names the place,
    which begins with `field`. TooLarge: it is longer than `max_bytes`.
    """
    walk = _Walk(max_depth=max_depth, max_bytes=max_bytes)
    try:
        walk.visit(value, 0)
        text = dump_jsonb(value)
    except _RefusedError as refused:
        raise Invalid(errors=[_error(field + "".join(reversed(refused.path)), refused)]) from None
    except _TooManyError:
        hint = _IN_FULL if walk.has_long_floats else ""
        message = f"{field} has more than {max_bytes} bytes as JSON, which is the limit.{hint}"
        raise TooLarge(message) from None
    except (TypeError, ValueError) as error:
        raise Invalid(errors=[_error(field, f"this cannot be written as JSON: {error}")]) from error
    if len(text) > max_bytes:
        raise TooLarge(f"{field} has {len(text)} bytes as JSON; the limit is {max_bytes}.")
    return text


def check_payload_value(value: Any, *, field: str) -> bytes:
    """As `check_json_value`, with the limits of a payload: PAYLOAD_MAX_BYTES, JSON_MAX_DEPTH."""
    limits = settings.TASKPLANE
    return check_json_value(
        value,
        max_bytes=limits["PAYLOAD_MAX_BYTES"],
        max_depth=limits["JSON_MAX_DEPTH"],
        field=field,
    )


class _RefusedError(Exception):
    """The reason, and the path, innermost part first."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.path: list[str] = []


class _TooManyError(Exception):
    """There are more values, or digits, than the text may have bytes."""


class _Walk:
    """One check. Its counter stops it for a value that contains the same part in many places, and
    for floats that would need more digits than allowed."""

    def __init__(self, *, max_depth: int, max_bytes: int) -> None:
        self._max_depth = max_depth
        self._left = max_bytes
        self.has_long_floats = False

    def visit(self, value: Any, depth: int) -> None:
        self._left -= 1
        if self._left < 0:
            raise _TooManyError
        # In the order of how common they are: this runs for every submission.
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, _NUMBERS):
            self._check_number(value)
        elif isinstance(value, dict):
            self._enter(depth)
            for key, item in value.items():
                self._visit_item(key, item, depth)
        elif isinstance(value, _LISTS):
            self._enter(depth)
            self._visit_all(value, depth)
        elif value is not None:
            raise _RefusedError(f"{type(value).__name__} is not a JSON type")

    def _visit_item(self, key: Any, item: Any, depth: int) -> None:
        if not isinstance(key, str):
            raise _RefusedError(f"a key must be a string, not {type(key).__name__}")
        _check_text(key)
        try:
            self.visit(item, depth + 1)
        except _RefusedError as refused:
            refused.path.append(f".{key[:_KEY_SHOWN]}")
            raise

    def _visit_all(self, items: list[Any] | tuple[Any, ...], depth: int) -> None:
        for index, item in enumerate(items):
            try:
                self.visit(item, depth + 1)
            except _RefusedError as refused:
                refused.path.append(f"[{index}]")
                raise

    def _check_number(self, number: float) -> None:
        if isinstance(number, int):
            if not INTEGER_MIN <= number <= INTEGER_MAX:
                raise _RefusedError(TOO_LONG_INTEGER)
        elif not math.isfinite(number):
            raise _RefusedError("a number must be finite")
        elif number and not _SMALL_FLOAT <= abs(number) < LARGE_FLOAT:
            # Postgres prints it without an exponent.
            self.has_long_floats = True
            self._left -= abs(int(math.log10(abs(number))))
            if self._left < 0:
                raise _TooManyError

    def _enter(self, depth: int) -> None:
        if depth >= self._max_depth:
            raise _RefusedError(f"nested too deep; the limit is {self._max_depth} levels")


def is_storable_text(text: str) -> bool:
    """Whether Postgres can store the text: it has no NUL and no lone surrogate."""
    return "\0" not in text and not _has_lone_surrogate(text)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _RefusedError(NUL)
    if not text.isascii() and _has_lone_surrogate(text):
        raise _RefusedError(SURROGATE)


def _has_lone_surrogate(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _error(path: str, why: object) -> FieldError:
    message = str(why)
    return {"field": path[:_PATH_SHOWN], "message": f"{message[0].upper()}{message[1:]}."}
