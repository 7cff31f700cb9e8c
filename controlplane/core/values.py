"""Values that are to be kept as JSON: checked once, with the place of what is wrong."""

import math
from collections.abc import Mapping
from typing import Any, NoReturn

import orjson

from controlplane.core.errors import Invalid

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**64 - 1
TOO_LONG_INTEGER = "an integer must fit in 64 bits (from -2^63 to 2^64-1)"
NUL = "the character U+0000 cannot be stored"
SURROGATE = "a lone surrogate is not a character and cannot be stored"


def check_json_value(value: Any, *, max_bytes: int, max_depth: int, field: str) -> bytes:
    """The value as compact JSON in UTF-8.

    A scalar has depth 0, `[]` has depth 1. Keys must be strings; numbers finite, integers within
    64 bits; no U+0000 and no lone surrogate anywhere.

    Raises:
        Invalid: it is not such a value, deeper than `max_depth` or longer than `max_bytes`; the
            error names the place, which begins with `field`.
    """
    _Walk(max_depth=max_depth, budget=max_bytes).visit(value, 0, field)
    try:
        text = orjson.dumps(value)
    except (TypeError, ValueError) as error:
        _refuse(field, f"this cannot be written as JSON: {error}")
    if len(text) > max_bytes:
        _refuse(field, f"{len(text)} bytes as JSON; the limit is {max_bytes}")
    return text


class _Walk:
    """One check; the budget ends a value that contains itself in many places."""

    def __init__(self, *, max_depth: int, budget: int) -> None:
        self._max_depth = max_depth
        self._max_bytes = budget
        self._budget = budget

    def visit(self, value: Any, depth: int, path: str) -> None:
        self._budget -= 1
        if self._budget < 0:
            _refuse(path, f"the limit is {self._max_bytes} bytes as JSON")
        match value:
            case str():
                _check_text(value, path)
            case None | bool():
                pass
            case int():
                if not INTEGER_MIN <= value <= INTEGER_MAX:
                    _refuse(path, TOO_LONG_INTEGER)
            case float():
                if not math.isfinite(value):
                    _refuse(path, "a number must be finite")
            case Mapping():
                self._check_depth(depth, path)
                for key, item in value.items():
                    self._visit_key(key, path)
                    self.visit(item, depth + 1, f"{path}.{key}")
            case list() | tuple():
                self._check_depth(depth, path)
                for index, item in enumerate(value):
                    self.visit(item, depth + 1, f"{path}[{index}]")
            case _:
                _refuse(path, f"{type(value).__name__} is not a JSON type")

    def _check_depth(self, depth: int, path: str) -> None:
        if depth >= self._max_depth:
            _refuse(path, f"nested too deep; the limit is {self._max_depth} levels")

    @staticmethod
    def _visit_key(key: Any, path: str) -> None:
        if not isinstance(key, str):
            _refuse(path, f"a key must be a string, not {type(key).__name__}")
        _check_text(key, path)


def _check_text(text: str, path: str) -> None:
    if "\0" in text:
        _refuse(path, NUL)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            _refuse(path, SURROGATE)


def _refuse(path: str, why: str) -> NoReturn:
    raise Invalid(errors=[{"field": path[:200], "message": why[0].upper() + why[1:] + "."}])
