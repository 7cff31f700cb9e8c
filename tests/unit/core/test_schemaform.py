"""Inputs made of a JSON Schema: what is typed becomes the value, and a value becomes its texts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.admin.schemaform import Group, fill, find_input, plan, read
from controlplane.core.jsonb import is_same_json

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["text", "count", "inner", "kind"],
    "properties": {
        "text": {"type": "string"},
        "short": {"type": "string", "maxLength": 20},
        "count": {"type": "integer", "minimum": 0, "maximum": 10},
        "share": {"type": "number"},
        "isOn": {"type": "boolean", "default": False},
        "kind": {"enum": ["a", "b", 1]},
        "fixed": {"const": "x"},
        "names": {"type": "array", "items": {"type": "string"}},
        "numbers": {"type": "array", "items": {"type": "integer"}},
        "mixed": {"type": "array", "items": {"type": "object"}},
        "perhaps": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "inner": {"$ref": "#/$defs/Inner"},
        "free": {"type": "object"},
    },
    "$defs": {
        "Inner": {
            "type": "object",
            "title": "The inner part",
            "properties": {
                "a": {"type": "string", "maxLength": 5},
                "again": {"$ref": "#/$defs/Inner"},
            },
        }
    },
}
LAYOUT = plan(SCHEMA)
NAMES = {each.label: each.name for each in LAYOUT.inputs}


def typed(**texts: str) -> dict[str, str]:
    return {NAMES[label.replace("__", ".")]: text for label, text in texts.items()}


def test_every_kind_of_value() -> None:
    found = read(
        LAYOUT,
        typed(
            text="a\r\nb", count="7", share="1.50", isOn="1", kind="2", names="x\ny\n",
            numbers="1\n2", mixed='[{"a": 1}]', perhaps="3", inner__a="z", free='{"b": [null]}',
        ),
    )  # fmt: skip
    assert found.errors == {}
    assert found.value == {
        "text": "a\nb", "count": 7, "share": 1.5, "isOn": False, "kind": 1, "names": ["x", "y"],
        "numbers": [1, 2], "mixed": [{"a": 1}], "perhaps": 3, "inner": {"a": "z"},
        "free": {"b": [None]},
    }  # fmt: skip


def test_what_is_left_empty_is_left_out() -> None:
    found = read(LAYOUT, typed(text="", count="0", kind="0"))
    assert found.value == {"text": "", "count": 0, "kind": "a", "inner": {}}
    assert found.errors == {}


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("count", ""), ("count", "1.5"), ("count", "many"), ("share", "1,5"), ("kind", "9"),
        ("numbers", "1\nx"), ("mixed", "[1"), ("mixed", '{"a": 1, "a": 2}'),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_input(label: str, text: str) -> None:
    found = read(LAYOUT, {**typed(text="x", count="1", kind="0"), NAMES[label]: text})
    assert list(found.errors) == [NAMES[label]]


def test_whole_numbers_stay_exact() -> None:
    for number in (2**53 + 1, 2**63 - 1, -(2**63)):
        assert read(LAYOUT, typed(text="", count=str(number), kind="0")).value["count"] == number


STORED = st.integers(-(2**63), 2**64 - 1)  # the integers that a payload can have
VALUES = st.fixed_dictionaries(
    {
        "text": st.text("ab\n\r ") | STORED,
        "count": STORED,
        "kind": st.sampled_from("abc"),
    },
    optional={
        "short": st.text("a\n", max_size=3),
        "share": st.floats(allow_nan=False, allow_infinity=False) | STORED,
        "isOn": st.booleans() | st.just(1),
        "names": st.lists(st.text("a\n ", max_size=3), max_size=3),
        "numbers": st.lists(st.integers(-(2**60), 2**60) | st.just(1.0), max_size=3),
        "perhaps": st.none() | st.integers(-(2**60), 2**60),
        "inner": st.fixed_dictionaries(
            {}, optional={"a": st.text("a", max_size=2), "b": st.none()}
        ),
        "free": st.dictionaries(st.text("k", max_size=1), st.none() | st.just({}), max_size=1),
    },
)


@given(VALUES)
def test_a_value_comes_back_unchanged_or_is_refused(value: dict[str, Any]) -> None:
    texts = fill(LAYOUT, value)
    assert texts is None or is_same_json(read(LAYOUT, texts).value, value)


def test_titles_groups_and_help() -> None:
    by_label = {each.label: each for each in LAYOUT.inputs}
    assert by_label["isOn"].title == "Is on"
    assert by_label["isOn"].help == "Default: false."
    assert by_label["count"].help == "From 0 to 10."
    group = next(part for part in LAYOUT.parts if isinstance(part, Group))
    assert group.title == "The inner part"
    # It contains itself: from a depth on there is only JSON for it.
    assert max(len(each.path) for each in LAYOUT.inputs) <= 4


def test_an_error_belongs_to_the_nearest_input() -> None:
    for path, label in (
        ("count", "count"), ("names[3]", "names"), ("mixed[0].a", "mixed"), ("inner.a", "inner.a"),
        ("inner", "inner.a"), ("free.x.y", "free"), ("nothing", None),
    ):  # fmt: skip
        found = find_input(LAYOUT, path)
        assert (found and found.label) == label, path


def test_a_schema_without_properties_has_no_inputs() -> None:
    assert plan({"type": "object", "additionalProperties": True}).parts == ()
    assert fill(plan({"type": "object"}), {"a": 1}) is None
