"""JSON that a jsonb column returns as it was written: an integer as an integer, a float as a float.

Postgres keeps a JSON number as a numeric and prints it without an exponent: `1e20` comes back as
`100000000000000000000`, which is an integer. It keeps the digits after the point, however, so a
whole float is written in full, as `100000000000000000000.0`. A numeric has no negative zero: -0.0
becomes 0.0 here.
"""

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from django.db import models

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1
LARGE_FLOAT = 1e16
"""From here on orjson writes floats with an exponent, and `dump_jsonb` without one."""

_REWRITTEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?[0-9]++(?:\.[0-9]++)?e\+[0-9]++|-0\.0(?![0-9])')
# 64 bits hold every integer with fewer digits. The search for them is C code: every claim reads.
_LONG = b"0" * 19
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")


def dump_jsonb(
    value: Any, *, default: Callable[[Any], Any] | None = None, sort_keys: bool = False
) -> bytes:
    """The value as compact JSON in UTF-8, for a jsonb column. Raises what orjson.dumps raises.

    Large floats are long here: 1e308 takes 311 bytes.
    """
    option = orjson.OPT_SORT_KEYS if sort_keys else None
    text = orjson.dumps(value, default=default, option=option)
    # Every number to be rewritten has one of these in what orjson writes.
    if b"e+" in text or b"-0.0" in text:
        return _REWRITTEN.sub(_write_in_full, text)
    return text


def load_jsonb(text: str) -> Any:
    """The value of a text that a jsonb column printed.

    An integer beyond 64 bits was a float when it was submitted, since no call accepts such an
    integer. A number beyond a double, which only SQL can have written, becomes a string of its
    digits.
    """
    if len(text) < len(_LONG):
        return orjson.loads(text)
    encoded = text.encode()
    if _LONG in encoded.translate(_DIGITS_TO_ZERO):
        return json.loads(text, parse_int=_read_integer, parse_float=_read_float)
    return orjson.loads(encoded)


def is_same_json(one: Any, other: Any) -> bool:
    """Whether a column would store two values as the same value. For Python, 1, 1.0 and True are
    equal."""
    return dump_jsonb(one, sort_keys=True) == dump_jsonb(other, sort_keys=True)


def _write_in_full(found: re.Match[bytes]) -> bytes:
    token = found[0]
    if token.startswith(b'"'):
        return token
    if token == b"-0.0":
        return b"0.0"
    return f"{Decimal(token.decode()):f}.0".encode()


def _read_integer(digits: str) -> Any:
    # int() of thousands of digits would raise.
    value = int(digits) if len(digits) <= len(str(INTEGER_MIN)) else None
    if value is not None and INTEGER_MIN <= value <= INTEGER_MAX:
        return value
    return _read_float(digits)


def _read_float(digits: str) -> Any:
    value = float(digits)
    return value if math.isfinite(value) else digits


# Generic for the type checker only.
if TYPE_CHECKING:
    _JSONField = models.JSONField[Any, Any]
else:
    _JSONField = models.JSONField


class JSONBField(_JSONField):
    """A JSONField whose numbers keep their kind; see `jsonb`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "encoder": _Encoder, "decoder": _Decoder})

    def deconstruct(self) -> Any:
        """As a JSONField, since the column is the same: no migration is needed."""
        name, _, args, kwargs = super().deconstruct()
        del kwargs["encoder"], kwargs["decoder"]
        return name, "django.db.models.JSONField", args, kwargs


class _Encoder(json.JSONEncoder):
    def encode(self, o: Any) -> str:
        return dump_jsonb(o).decode()


class _Decoder(json.JSONDecoder):
    def decode(self, s: str, *_: Any) -> Any:
        return load_jsonb(s)
