"""Values, types and errors of expressions."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.core.values import TOO_LONG_INTEGER
from workflows.language import ExpressionError, Scope, compile_expression

SCOPE = Scope(
    input={
        "n": 1,
        "f": 1.5,
        "s": "abc",
        "none": None,
        "yes": True,
        "list": [1, 2, 3],
        "map": {"a": {"b": 1}},
        "a-b": 5,
        "rows": [{"id": 1, "name": "x"}, {"id": 2}],
    },
    steps={
        "a": {"status": "COMPLETED", "result": {"x": 1}, "error": None},
        "skipped": {"status": "SKIPPED", "result": None, "error": None},
    },
    item={"sku": "a1"},
    index=7,
    run={"id": "r", "workflowId": "w", "createdAt": "2026-11-24T08:00:00Z"},
)


ONE_TYPE = "Both must be of one type: write double(…)."
NO_TEXT = "Write string(…) around values that are not texts."


def evaluate(text: str, scope: Scope = SCOPE) -> Any:
    return compile_expression(text).evaluate(scope)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("input.n", 1),
        ("input['a-b']", 5),
        ("input.`a-b`", 5),
        ("{{ input.n }}", 1),
        ("  {{input.n}}\n", 1),
        ("{'a': {'b': 1}}", {"a": {"b": 1}}),
        ("steps.a.result.x", 1),
        ('steps["a"].status', "COMPLETED"),
        ("steps.skipped.result", None),
        ("has(steps.a)", True),
        ("has(input.zz)", False),
        ("has(input.map.a.zz)", False),
        ("item.sku + string(index)", "a17"),
        ("run.id + run.workflowId", "rw"),
        ("timestamp(run.createdAt)", "2026-11-24T08:00:00Z"),
        ("timestamp('2026-01-01T01:00:00.25+01:00')", "2026-01-01T00:00:00.250000Z"),
        ("duration('-1.5s')", "-1.5s"),
        ("duration('1h')", "3600s"),
        (
            "[b'\\xff', 2u, null, timestamp('2026-01-01T00:00:00Z')]",
            ["/w==", 2, None, "2026-01-01T00:00:00Z"],
        ),
        ("false && input.zz", False),
        ("input.list.map(x, x * 2)", [2, 4, 6]),
        ("input.map.map(key, key)", ["a"]),
        ("input.rows.filter(row, has(row.name)).map(row, row.id)", [1]),
        ("input.list.map(x, input.list.map(y, x * y))", [[1, 2, 3], [2, 4, 6], [3, 6, 9]]),
        ("'a}}b'", "a}}b"),
        ("1 // a comment", 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_values(text: str, value: Any) -> None:
    found = evaluate(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "The expression is empty."),
        ("{{  }}", 3, "The expression is empty."),
        ("input.n +", 10, "The expression ends too early."),
        ("input.n + + 1", 11, "Syntax error: extraneous input '+'."),
        ("inptu.n", 1, "item, index, run. Did you mean 'input'?"),
        ("1 + nosuch", 5, "There is no variable 'nosuch'"),
        (
            "input.s.lowerascii()",
            9,
            "There is no function 'lowerascii'. Did you mean 'lowerAscii'?",
        ),
        ("1 + siez(input)", 5, "There is no function 'siez'. Did you mean 'size'?"),
        ("{{ 1 + nosuch }}", 8, "There is no variable 'nosuch'"),
        ("1 +\n  nosuch", 7, "There is no variable 'nosuch'"),
        ("'é€' + nosuch", 8, "There is no variable 'nosuch'"),
        ("'a' + 1", 5, "'+' cannot be used with string and int. Write string(…)"),
        ("1 == 1.0", 3, "Both must be of one type: write double(…)."),
        ("steps", 1, "`steps` must be followed by the key"),
        ("size(steps)", 6, "`steps` must be followed"),
        ("1 in steps", 6, "`steps` must be followed"),
        ("steps.map(key, key)", 1, "`steps` must be followed"),
        ("[1].map(x, steps[x])", 12, 'must be written out, as in steps["fetch"]'),
        ("steps[input.s].result", 1, "must be written out"),
        ("steps[0].result", 1, "must be written out"),
        ("steps.a.output", 9, "A step has status, result, error, and no 'output'."),
        ("steps.a.statsu", 9, "Did you mean 'status'?"),
        ("run.created", 5, "`run` has id, workflowId, createdAt, and no 'created'."),
        ("[1].map(input, input)", 8, "The variable of a macro cannot be 'input'"),
        ("google.protobuf.Int64Value{value: 1}", 1, "Messages cannot be built here"),
        ("'\ud800'", 2, "A lone surrogate is not a character."),
        ("9223372036854775808", 1, "Invalid int literal."),
        ("1 # 2", 3, "Syntax error"),
    ],
)
def test_what_cannot_be_compiled(text: str, column: int, message: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compile_expression(text)
    assert error.value.column == column, error.value.message
    assert message in error.value.message


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("input.z", 7, "There is no 'z' in input."),
        ("input.map.z.y", 11, "There is no 'z' in input.map."),
        ("input.map['z y']", 12, "There is no 'z y' in input.map."),
        ("  {{ steps.a.result.z }}", 21, "There is no 'z' in steps.a.result."),
        ("steps.b.result", 7, "There is no 'b' in steps."),
        ("item.x", 6, "There is no 'x' in item."),
        ("input.rows.map(row, row.name)", 25, "There is no 'name' here."),
        ("input.none.x", 12, "input.none is null, which has no field 'x'."),
        ("input.s.x", 9, "input.s is a string, which has no field 'x'."),
        ("input.list.x", 12, "input.list is a list, which has no field 'x'."),
        ("steps.skipped.result.x", 22, "steps.skipped.result is null, which has no field 'x'."),
        ("input.list.map(x, x.y)", 21, "There is no 'y' here: the value is not an object."),
        ("input.n + 2.5", 9, "'+' cannot be used with int and double. " + ONE_TYPE),
        ("input.n + 'a'", 9, "'+' cannot be used with int and string. " + NO_TEXT),
        ("input.n * input.f", 9, "'*' cannot be used with int and double. " + ONE_TYPE),
        ("input.none + 1", 12, "'+' cannot be used with null and int."),
        ("input.n ? 1 : 2", 9, "The condition before '?' must be a bool."),
        ("!input.n", 1, "'!' needs a bool."),
        ("input.n && true", 9, "'&&' needs a bool."),
        ("input.list[7]", 11, "There is no element 7: the list has 3, counted from 0."),
        ("input.list['a']", 11, "Elements of a list are selected by number, counted from 0."),
        ("input.n / 0", 9, "Divided by zero."),
        ("9223372036854775807 + input.n", 1, "Integer overflow."),
        ("1 + int(input.s)", 8, "Cannot convert string to int."),
        ("timestamp(input.s)", 10, "String to Timestamp conversion failed."),
        ("input.s.matches('(')", 1, "Invalid regular expression: missing ): (."),
        (" 1.0 / 0.0", 2, "The value is inf, which JSON cannot hold."),
        ("{1: 2}", 1, "A key of a map must be a string in JSON, not 1: write string(…)."),
        ("int", 1, "INT is a type, which JSON cannot hold."),
        ("18446744073709551615u", 1, f"In the value: A{TOO_LONG_INTEGER[1:]}."),
        ("'\\u0000'", 1, "In the value: The character U+0000 cannot be stored."),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated(text: str, column: int, message: str) -> None:
    expression = compile_expression(text)
    with pytest.raises(ExpressionError) as error:
        expression.evaluate(SCOPE)
    assert error.value.message == message
    assert error.value.column == column


@pytest.mark.parametrize(
    ("text", "steps", "variables"),
    [
        ("1", set(), set()),
        ("input.steps.a", set(), {"input"}),
        ("'steps.a'", set(), set()),
        ("steps.a.result + steps['b'].result", {"a", "b"}, {"steps"}),
        ("has(steps.a.result.x) ? steps.c : item", {"a", "c"}, {"steps", "item"}),
        ("input.list.map(x, steps.d.result[x] + index)", {"d"}, {"input", "steps", "index"}),
        (".steps.e.status == run.id", {"e"}, {"steps", "run"}),
        ("steps.f", {"f"}, {"steps"}),
    ],
)
def test_what_an_expression_reads(text: str, steps: set[str], variables: set[str]) -> None:
    expression = compile_expression(text)
    assert expression.steps == steps
    assert expression.variables == variables
    assert expression.source == text


def test_columns_of_reads() -> None:
    expression = compile_expression("{{ 1 + steps.a.result + item }}")
    assert expression.find_column("steps", "a") == 8
    assert expression.find_column("item") == 25
    assert expression.find_column("steps", "b") == 1


def test_only_what_is_read_is_given_to_the_library() -> None:
    # A value that CEL cannot convert is no matter, unless it is read.
    scope = Scope(input={"n": 1, "large": 2**70})
    assert evaluate("input.n + 1", scope) == 2
    with pytest.raises(ExpressionError, match="out of range"):
        evaluate("input.large", scope)


WORDS = r"""
input steps item index run . [ ] ( ) { } + - * / % ? : , && || ! == < in 'a' "b" 1 2.5 0 true null
{{ }} has( size( .map(x, .filter(y, .all(z, x y .s .list steps.a.result .join( .replace( 'a',
.matches( .split( string( int( timestamp( \ ''' r' é //
"""
SOUP = st.lists(st.sampled_from(WORDS.split()), max_size=25).map(" ".join)


@settings(deadline=2_000, max_examples=300)
@given(st.text(max_size=60) | SOUP | SOUP.map(lambda text: text.replace(" ", "")))
def test_garbage_gives_an_error_of_the_language_or_a_value(text: str) -> None:
    message, column = "fine", 1
    try:
        evaluate(text)
    except ExpressionError as error:
        message, column = error.message, error.column
    assert message
    assert 1 <= column <= len(text) + 1


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_values_come_through_as_they_are(value: Any) -> None:
    found = evaluate("input", Scope(input=value))
    assert found == value
    assert evaluate("item.list.map(x, x)", Scope(item={"list": [value]})) == [value]
