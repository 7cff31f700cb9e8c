"""JSON from untrusted clients: parsed once, with every limit checked before it can do harm.

The checks that C code can make on the bytes come first; Python code runs per object (duplicate
keys) and, only when a suspicious number was seen, per number.
"""

import json
import math
import re
from codecs import BOM_UTF8
from typing import Any

import orjson

from controlplane.core.errors import Invalid
from controlplane.core.jsonb import INTEGER_MAX, INTEGER_MIN
from controlplane.core.values import NUL, SURROGATE, TOO_LONG_INTEGER

BODY_EXTRA_DEPTH = 8
"""Levels that a body may have around a payload, an input or a schema."""

_NUMBER_MAX_CHARACTERS = 400
_KEY_SHOWN = 100

# An unclosed string matches to the end of the text, and nothing is tried twice: linear for all.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
# 19 digits may be beyond 64 bits, three digits of an exponent beyond a double.
_LONG_NUMBER = re.compile(rb"\d{19}|\d[eE][+-]?\d{3}")
_ONLY_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


class MalformedJsonError(ValueError):
    """It is not JSON; the message contains the position."""


def parse_json(body: bytes, *, max_depth: int, extra_depth: int = 0) -> Any:
    """The value of a JSON text in UTF-8. A scalar has depth 0, `[]` has depth 1. `extra_depth` is
    for the levels around a payload; the caller limits the payload to `max_depth`.

    Raises:
        MalformedJsonError: it is not JSON (NaN and Infinity are not).
        Invalid: it is JSON with a duplicate key, a number beyond 64 bits or a double, U+0000, a
            lone surrogate, or more than `max_depth` and `extra_depth` levels.
    """
    around = f", and {extra_depth} more around a payload" if extra_depth else ""
    too_deep = f"The JSON is nested too deep; the limit is {max_depth} levels{around}."
    if _is_deeper(body, max_depth + extra_depth):
        raise Invalid(too_deep)
    if b"\\u" in body:
        _check_escapes(body)
    try:
        return _load(body)
    except UnicodeDecodeError as error:
        raise MalformedJsonError(f"The body is not UTF-8 (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise MalformedJsonError(
            f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from error
    except RecursionError as error:
        raise Invalid(too_deep) from error


def _load(body: bytes) -> Any:
    if body.startswith(BOM_UTF8):
        raise MalformedJsonError("The body is not JSON: it begins with a byte order mark.")
    text = body.decode("utf-8")
    return (_CHECKING if _LONG_NUMBER.search(body) else _PLAIN).decode(text)


def _is_deeper(body: bytes, max_depth: int) -> bool:
    if body.count(b"[") + body.count(b"{") <= max_depth:
        return False
    brackets = _STRING.sub(b"", body).translate(_ONE_KIND, _ONLY_BRACKETS)
    # Each round takes the innermost level of every branch away.
    for _ in range(max_depth):
        inner = brackets.replace(b"[]", b"")
        if len(inner) == len(brackets):
            break
        brackets = inner
    # What is left of a text that is no JSON is for the parser, unless it opens too many anyway.
    return b"[]" in brackets or brackets.count(b"[") > max_depth


def _check_escapes(body: bytes) -> None:
    if _NUL_ESCAPE.search(body):
        raise Invalid(_sentence(NUL))
    if _SURROGATE_ESCAPE.search(body):
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError as error:
            if "surrogate" in str(error):
                raise Invalid(_sentence(SURROGATE)) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            shown = key[:_KEY_SHOWN]
            raise Invalid(errors=[{"field": shown, "message": "This key occurs twice."}])
        seen.add(key)
    return found


def _refuse_constant(name: str) -> None:
    raise MalformedJsonError(f"The body is not JSON: {name} is not a JSON number.")


def _integer(digits: str) -> int:
    # int() of thousands of digits would raise, and of fewer take its time.
    if (
        len(digits) <= len(str(INTEGER_MIN))
        and INTEGER_MIN <= (value := int(digits)) <= INTEGER_MAX
    ):
        return value
    raise Invalid(_sentence(TOO_LONG_INTEGER))


def _decimal(digits: str) -> float:
    if len(digits) > _NUMBER_MAX_CHARACTERS:
        raise Invalid(f"A number may have at most {_NUMBER_MAX_CHARACTERS} characters.")
    value = float(digits)
    if not math.isfinite(value):
        raise Invalid("A number must fit in a double (up to about 1.8e308).")
    return value


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


# Made once: json.loads would make one for each text.
_PLAIN = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)
_CHECKING = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_refuse_constant,
    parse_int=_integer,
    parse_float=_decimal,
)
