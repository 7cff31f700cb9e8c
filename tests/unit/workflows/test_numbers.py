"""A number of an input has the type that its schema gives it."""

from typing import Any

import pytest

from controlplane.core.errors import Invalid
from workflows.inputs import check_input_value
from workflows.language import Scope, compile_expression

INTEGER, NUMBER = {"type": "integer"}, {"type": "number"}


def typed(schema: dict[str, Any], value: Any) -> Any:
    """The value of a property with this schema, as an input has it."""
    return check_input_value({"type": "object", "properties": {"x": schema}}, {"x": value})["x"]


def show(value: Any) -> str:
    """1 and 1.0 are equal, and not the same."""
    return repr(value)


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (INTEGER, 1.0, 1),
        (INTEGER, 1, 1),
        (INTEGER, -0.0, 0),
        (NUMBER, 1, 1.0),
        (NUMBER, 1.5, 1.5),
        (NUMBER, 2**53 + 1, 2**53 + 1),  # no float has this value
        ({"type": ["integer", "null"]}, 2.0, 2),
        ({"type": ["integer", "null"]}, None, None),
        ({"type": ["integer", "number"]}, 2.0, 2.0),
        ({}, 1.0, 1.0),
        ({}, 1, 1),
        ({"type": "boolean"}, True, True),
        ({"type": "array", "items": INTEGER}, [1.0, 2], [1, 2]),
        ({"type": "array", "prefixItems": [INTEGER], "items": NUMBER}, [1.0, 2], [1, 2.0]),
        ({"items": {"items": INTEGER}}, [[1.0], []], [[1], []]),
        ({"properties": {"a": INTEGER}}, {"a": 1.0, "b": 1.0}, {"a": 1, "b": 1.0}),
        ({"additionalProperties": NUMBER, "properties": {"a": INTEGER}}, {"a": 1.0, "b": 1},
         {"a": 1, "b": 1.0}),
        ({"patternProperties": {"^n": INTEGER}, "additionalProperties": NUMBER}, {"n": 1.0, "m": 1},
         {"n": 1, "m": 1.0}),
        ({"anyOf": [{"type": "string"}, INTEGER]}, 1.0, 1),
        ({"oneOf": [{"type": "null"}, {"type": "object", "properties": {"a": INTEGER}}]},
         {"a": 1.0}, {"a": 1}),
        ({"allOf": [NUMBER, {"minimum": 0}]}, 1, 1.0),
        ({"anyOf": [INTEGER, NUMBER]}, 1.0, 1.0),
        ({"if": {"type": "string"}, "then": {}, "else": INTEGER}, 1.0, 1),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [INTEGER],
          "additionalItems": NUMBER}, [1.0, 1], [1, 1.0]),
    ],
)  # fmt: skip
def test_a_number_is_of_the_type_of_its_schema(schema: Any, value: Any, expected: Any) -> None:
    schema = dict(schema)
    whole: dict[str, Any] = {"properties": {"x": schema}}
    if "$schema" in schema:
        whole["$schema"] = schema.pop("$schema")
    assert show(check_input_value(whole, {"x": value})["x"]) == show(expected)


def test_references_are_followed() -> None:
    schema = {
        "properties": {"lines": {"items": {"$ref": "#/$defs/line"}}},
        "$defs": {
            "line": {"properties": {"count": {"$ref": "#/$defs/a~1b/anyOf/0"}}},
            "a/b": {"anyOf": [INTEGER]},
        },
    }
    value = check_input_value(schema, {"lines": [{"count": 1.0}, {"count": 2}]})
    assert show(value) == show({"lines": [{"count": 1}, {"count": 2}]})


def test_the_items_of_a_list_share_their_work() -> None:
    """2,000 alternatives and 40,000 objects: what applies is worked out once, not 40,000 times."""
    parts = [{"properties": {"a": INTEGER}, "additionalProperties": True} for _ in range(600)]
    value = [{"a": 1.0, "b": 2.0}] * 10_000
    found = typed({"items": {"anyOf": parts}}, value)
    assert show(found[-1]) == show({"a": 1, "b": 2.0})


@pytest.mark.parametrize("value", [1e20, -1e300, float(2**63)])
def test_an_integer_must_fit_in_64_bits(value: float) -> None:
    with pytest.raises(Invalid) as refused:
        typed({"items": INTEGER}, [1, value])
    (error,) = refused.value.errors
    assert error["field"] == "input.x[1]"
    assert "64 bits" in error["message"]


@pytest.mark.parametrize(
    ("schema", "expression"),
    [(INTEGER, "input.x + 1"), (NUMBER, "input.x + 0.5"), (INTEGER, "input.x % 2")],
)
def test_an_expression_works_for_every_spelling(schema: Any, expression: str) -> None:
    results = [
        compile_expression(expression).evaluate(Scope(input={"x": typed(schema, value)}))
        for value in (4, 4.0)
    ]
    assert show(results[0]) == show(results[1])
