"""What is written for a jsonb column, and what is read from what one prints."""

import json
import math
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.jsonb import dump_jsonb, is_same_json, load_jsonb
from tests.jsonvalues import is_same, json_values

WRITTEN = {
    "1e15": (1e15, "1000000000000000.0"),
    "1e16": (1e16, "10000000000000000.0"),
    "1e20": (1e20, "100000000000000000000.0"),
    "-2.5e+17": (-2.5e17, "-250000000000000000.0"),
    "1e308": (1e308, f"1{'0' * 308}.0"),
    "the largest": (1.7976931348623157e308, f"17976931348623157{'0' * 292}.0"),
    "the smallest": (5e-324, "5e-324"),
    "negative zero": (-0.0, "0.0"),
    "nearly negative zero": (-0.01, "-0.01"),
    "in a list": ([1e20, -0.0, 2], "[100000000000000000000.0,0.0,2]"),
    "in a string": ('a "1e+20" -0.0\\', '"a \\"1e+20\\" -0.0\\\\"'),
    "in a key": ({"1e+20": 1e20}, '{"1e+20":100000000000000000000.0}'),
}

PRINTED = {
    "a float": ("100000000000000000000.0", 1e20),
    "2^63 - 1": ("9223372036854775807", 2**63 - 1),
    "-2^63": ("-9223372036854775808", -(2**63)),
    "2^63, once a float": ("9223372036854775808", float(2**63)),
    "1e20, once a float": ("[100000000000000000000]", [1e20]),
    "-1e20, once a float": ("-100000000000000000000", -1e20),
    "19 digits of a text": ('"1234567890123456789"', "1234567890123456789"),
    "beyond a double": (f"1{'0' * 400}", f"1{'0' * 400}"),
    "beyond a double, with a point": (f"1{'0' * 400}.0", f"1{'0' * 400}.0"),
}


@pytest.mark.parametrize(("value", "text"), WRITTEN.values(), ids=WRITTEN.keys())
def test_floats_are_written_so_that_jsonb_keeps_them_floats(value: Any, text: str) -> None:
    assert dump_jsonb(value).decode() == text


@pytest.mark.parametrize(("text", "value"), PRINTED.values(), ids=PRINTED.keys())
def test_what_a_column_prints_is_read(text: str, value: Any) -> None:
    assert is_same(load_jsonb(text), value)


def test_values_of_other_types_are_left_to_the_caller() -> None:
    assert dump_jsonb([1j, 1e16], default=str) == b'["1j",10000000000000000.0]'
    with pytest.raises(TypeError):
        dump_jsonb(1j)


def test_two_values_are_the_same_in_kind_too() -> None:
    assert is_same_json({"a": 1, "b": [1e20, -0.0]}, {"b": [1e20, 0.0], "a": 1})
    for one, other in [(1, 1.0), (1, True), (0.0, False), ("1", 1), ([], {}), (1e20, 10**18)]:
        assert not is_same_json([one], [other])


@pytest.mark.django_db
@given(json_values())
def test_a_column_gives_back_the_value_and_its_kind(value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [dump_jsonb(value).decode()])
        (printed,) = cursor.fetchone()
    assert is_same(load_jsonb(printed), value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_the_same_after_its_exponent_is_gone(value: float) -> None:
    text = dump_jsonb(value).decode()
    found = json.loads(text)
    assert is_same(found, value)
    assert "e+" not in text
    assert found or math.copysign(1, found) == 1
