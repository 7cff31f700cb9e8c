"""The inputSchema of a definition, and inputs held against it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.errors import Invalid, TooLarge
from workflows.inputs import check_input_value, check_schema

SCHEMA = {
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 3},
        "mail": {"type": "string", "format": "email"},
        "size": {"enum": ["S", "M"]},
        "code": {"pattern": "^[a-z]+$"},
        "customer": {"type": "object", "required": ["name"]},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
    },
    "$defs": {"line": {"type": "object", "required": ["sku"]}},
}


def problems(value: Any, schema: Any = SCHEMA) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        check_input_value(schema, value)
    return [(one["field"], one["message"]) for one in error.value.errors]


def test_inputs_that_match() -> None:
    check_input_value(SCHEMA, {"id": 3, "mail": "a@example.com", "lines": [{"sku": "x"}]})
    check_input_value(None, {"anything": [1, None]})
    check_input_value({}, {})


@pytest.mark.parametrize(
    ("value", "field", "message"),
    [
        ([], "input", "This must be an object."),
        (None, "input", "This must be an object."),
        ({}, "input.id", "It is required."),
        ({"id": 1}, "input.id", "1 is less than the minimum of 3."),
        ({"id": "x"}, "input.id", '"x" is not of type "integer".'),
        ({"id": 3, "zz": 1}, "input.zz", "This field is unknown."),
        ({"id": 3, "mail": "x"}, "input.mail", '"x" is not a "email".'),
        ({"id": 3, "size": "L"}, "input.size", '"L" is not one of "S" or "M".'),
        ({"id": 3, "code": "A"}, "input.code", '"A" does not match "^[a-z]+$".'),
        ({"id": 3, "customer": {}}, "input.customer.name", "It is required."),
        ({"id": 3, "lines": [{"sku": 1}, {}]}, "input.lines[1].sku", "It is required."),
        ({"id": 3, "lines": [1]}, "input.lines[0]", '1 is not of type "object".'),
        ({"id": 2**64}, "input.id", "An integer must fit in 64 bits (from -2^63 to 2^63-1)."),
    ],
)
def test_what_does_not_match_is_reported_by_field(value: Any, field: str, message: str) -> None:
    assert problems(value) == [(field, message)]


def test_all_problems_are_reported_up_to_fifty() -> None:
    assert len(problems({"id": 1, "size": "L", "zz": 1, "yy": 2})) == 4
    assert len(problems({"id": 3, "lines": [{}] * 60})) == 50


def test_large_inputs_are_refused() -> None:
    with pytest.raises(TooLarge, match="input has 300008 bytes as JSON; the limit is 262144"):
        check_input_value(None, {"a": "x" * 300_000})


def test_large_inputs_and_schemas_together_are_not_explained() -> None:
    schema = {"anyOf": [{"required": [f"x{number}"]} for number in range(1_000)]}
    ((field, message),) = problems({"a": "x" * 100_000}, schema)
    assert field == "input"
    assert message.startswith("The input does not match the inputSchema. Input and schema")


@pytest.mark.parametrize(
    "schema",
    [
        {},
        SCHEMA,
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}},
        {"properties": {"default": {"type": "string"}, "$id": {}, "const": {"minimum": 1}}},
        {
            "const": {"$ref": "nothing"},
            "examples": [{"$ref": "#/nothing"}],
            "default": {"$id": "x"},
        },
        {"$id": "https://example.com/input", "$ref": "#/$defs/a~1b", "$defs": {"a/b": {}}},
        {"pattern": r"^[\w.-]{1,200}$"},
    ],
)
def test_schemas_that_are_taken(schema: Any) -> None:
    assert list(check_schema(schema)) == []


DOUBLING = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(12)}


@pytest.mark.parametrize(
    ("schema", "path", "message"),
    [
        ([], "", "This must be a JSON Schema, as an object."),
        ("x", "", "This must be a JSON Schema, as an object."),
        ({"type": "objekt"}, ".type", '"objekt" is not valid'),
        ({"properties": {"a": {"minimum": "x"}}}, ".properties.a.minimum", "not of type"),
        ({"pattern": "("}, ".pattern", '"(" is not a "regex".'),
        ({"pattern": "(?=a)"}, ".pattern", 'is not a "regex".'),
        ({"pattern": r"(a)\1"}, ".pattern", 'is not a "regex".'),
        ({"pattern": r"^(\w{1,100}){1,100}$"}, ".pattern", 'is not a "regex".'),
        ({"$schema": "https://example.com/x"}, "", "Unknown meta-schema"),
        ({"$ref": "#"}, ".$ref", "must not refer to itself"),
        ({"properties": {"default": {"$ref": "#"}}}, ".properties.default.$ref", "refer to itself"),
        (
            {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"items": {"$ref": "#/$defs/a"}}}},
            ".$defs.a.$ref.items.$ref",
            "must not refer to itself",
        ),
        ({"$ref": "https://example.com/x"}, ".$ref", "must stay in the schema"),
        ({"$ref": "#name"}, ".$ref", "must stay in the schema"),
        ({"$ref": "#/$defs/x"}, ".$ref", "There is nothing at '#/$defs/x'"),
        ({"$dynamicRef": "#x"}, ".$dynamicRef", "is not supported"),
        ({"items": {"$id": "x"}}, ".items.$id", "is not supported"),
        ({"$defs": {**DOUBLING, "d12": {}}, "$ref": "#/$defs/d0"}, "", "At most 2,000"),
        ({"anyOf": [{"pattern": "a"} for _ in range(101)]}, ".anyOf[100].pattern", "At most 100"),
        ({"patternProperties": {f"a{n}": {} for n in range(101)}}, ".patternProperties", "At most"),
        ({"description": "x" * 70_000}, "", "the limit is 65536"),
    ],
)  # fmt: skip
def test_schemas_that_are_refused(schema: Any, path: str, message: str) -> None:
    (found,) = check_schema(schema)
    assert found[0] == path
    assert message in found[1]


def test_long_chains_of_references_are_refused() -> None:
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(500)}
    ((path, message),) = check_schema({"$defs": {**chain, "d500": {}}, "$ref": "#/$defs/d0"})
    assert (path, message) == ("", "References go through more than 200 schemas.")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("#/a"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["$ref", "type", "items", "properties", "anyOf", "pattern", "a", "enum"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_garbage_is_refused_or_taken(schema: Any) -> None:
    found = list(check_schema(schema))
    assert all(message for _, message in found)
    if not found:
        try:
            check_input_value(schema, {"a": [1, "x"]})
        except Invalid as error:
            found = [(one["field"], one["message"]) for one in error.errors]
        assert all(path.startswith("input") for path, _ in found)
