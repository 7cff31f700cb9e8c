"""Values that Python code submits: the same rules as for bodies."""

import json
import math
from collections import namedtuple
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from controlplane.core.errors import Invalid, TooLarge
from controlplane.core.values import check_json_value
from tests.unit.core.test_strictjson import depth_of, values

Point = namedtuple("Point", "x y")
CYCLE: list[Any] = []
CYCLE += [CYCLE, CYCLE]

REFUSED = [
    ("a\0", "payload", "U+0000"),
    ({"a\0": 1}, "payload", "U+0000"),
    ({"a": ["x", "\ud800"]}, "payload.a[1]", "surrogate"),
    ({"a": {"b": [0, math.nan]}}, "payload.a.b[1]", "finite"),
    ([math.inf], "payload[0]", "finite"),
    ({"n": 2**63}, "payload.n", "64 bits"),
    ({"n": -(2**63) - 1}, "payload.n", "64 bits"),
    ({1: "a"}, "payload", "key must be a string, not int"),
    ({"when": datetime(2026, 1, 1, tzinfo=UTC)}, "payload.when", "datetime is not a JSON type"),
    ({"set": {1}}, "payload.set", "set is not a JSON type"),
    (b"bytes", "payload", "bytes is not a JSON type"),
    ([[[[[[1]]]]]], "payload[0][0][0][0]", "the limit is 4 levels"),
    (CYCLE, "payload[0][0][0][0]", "the limit is 4 levels"),
    ([Point(1, 2)], "payload", "cannot be written as JSON"),
]


@pytest.mark.parametrize(("value", "place", "why"), REFUSED, ids=[str(r[2]) for r in REFUSED])
def test_what_json_cannot_hold_is_refused_at_its_place(value: Any, place: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_json_value(value, max_bytes=1_000, max_depth=4, field="payload")
    (error,) = refused.value.errors
    assert error["field"] == place
    assert why.lower() in error["message"].lower()


def test_too_many_bytes_give_the_limit() -> None:
    assert check_json_value("x" * 98, max_bytes=100, max_depth=4, field="payload")
    with pytest.raises(TooLarge, match="payload has 101 bytes as JSON; the limit is 100"):
        check_json_value("x" * 99, max_bytes=100, max_depth=4, field="payload")


def test_a_small_object_that_stands_for_a_billion_values_ends_by_its_size() -> None:
    value: list[Any] = []
    for _ in range(9):
        value = [value] * 10
    with pytest.raises(TooLarge, match="the limit"):
        check_json_value(value, max_bytes=10_000, max_depth=32, field="payload")


@given(values)
def test_what_is_taken_is_given_back_as_json(value: Any) -> None:
    text = check_json_value(value, max_bytes=10**6, max_depth=100, field="payload")
    assert json.loads(text) == value
    if depth_of(value):
        with pytest.raises(Invalid):
            check_json_value(value, max_bytes=10**6, max_depth=depth_of(value) - 1, field="payload")
