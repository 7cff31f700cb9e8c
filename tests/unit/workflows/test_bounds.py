"""No expression takes much: what would is refused before it runs."""

import resource
from typing import Any

import pytest

from workflows.language import ExpressionError, Scope, compile_expression
from workflows.language.bounds import measure_pattern

SCOPE = Scope(
    input={
        "large": "a" * 200_000,
        "numbers": list(range(9_000)),
        "rows": [{"id": number, "name": f"row {number}", "tags": ["x"]} for number in range(3_000)],
        "uneven": [{"text": "x" * 200_000}, *({"text": ""} for _ in range(2_000))],
        "pattern": "(a{1,30}){1,30}b",
        "csv": ",".join(["value"] * 2_000),
    }
)
MANY = "This may take too much memory or time with these values."


def evaluate(text: str) -> Any:
    return compile_expression(text).evaluate(SCOPE)


@pytest.mark.parametrize("text", ["1" * 2_001, "(" * 100_000, "-" * 100_000 + "1"])
def test_long_texts_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match=f"may have 2,000 characters; this has {len(text):,}"):
        compile_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 900 + "1" + ")" * 900,
        "[" * 900 + "]" * 900,
        "{'a':" * 300 + "1" + "}" * 300,
        "true?1:" * 280 + "1",
        "1" + "+1" * 900,
        "input" + ".a" * 900,
        "input" + "[0]" * 600,
        "size(" * 300 + "'a'" + ")" * 300,
        "[1]" + ".map(a,a)" * 200,
        "[1].map(a," * 150 + "1" + ")" * 150,
        "dyn(" * 300 + "1" + ")" * 300,
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match="Nested too deep; the limit is 32 levels."):
        compile_expression(text)


@pytest.mark.parametrize("text", ["-" * 1_900 + "1", "!" * 1_900 + "true", "true" + "&&true" * 300])
def test_what_only_looks_deep_is_not(text: str) -> None:
    assert compile_expression(text).evaluate(SCOPE) in (True, 1)


DOUBLED = "['a']" + ".map(a, [a, a])" * 25


@pytest.mark.parametrize(
    "text",
    [
        "input.numbers.map(x, x)",
        "input.numbers.filter(x, true)",
        "input.rows.map(row, input.large)",
        "input.rows.map(row, row.name + input.large).size()",
        "input.rows.all(row, size(input.large) > 1)",
        "input.rows.all(row, input.large.contains(row.name))",
        "input.large.replace('a', input.large)",
        "input.large.replace('', input.large).size()",
        "input.rows.map(row, row.name).join(input.large)",
        "input.numbers.all(x, x in input.numbers)",
        "input.rows.all(row, row.name.matches(input.pattern))",
        "input.rows.all(row, row.name.matches('(a{1,30}){1,30}b'))",
        "input.rows.all(row, row.name.matches(row.name))",
        "input.large.matches('((a|aa){1,500}){2}b')",
        "input.rows.all(row, '%s'.format([input.large]) != '')",
        "['a', 'b'].map(a, input.large + a)" + ".map(a, a + a)" * 8,
        "[bytes(input.large)]" + ".map(a, a + a)" * 20,
        "[[1]]" + ".map(a, a + a)" * 28,
        DOUBLED,
        DOUBLED.replace("[a, a]", "{'l': a, 'r': a}"),
    ],
)
def test_what_may_take_too_much_is_refused_before_it_runs(text: str) -> None:
    expression = compile_expression(text)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ExpressionError, match=MANY) as error:
        expression.evaluate(SCOPE)
    assert "Use shorter lists and texts, or let a task do it." in error.value.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KB


def test_lists_that_macros_make_say_their_limit() -> None:
    with pytest.raises(ExpressionError, match="up to 9,000 elements; the limit is about 4,000"):
        evaluate("input.numbers.map(x, x)")


def test_iterations_are_counted_by_the_library() -> None:
    with pytest.raises(ExpressionError, match="The macros need more than 10,000 iterations."):
        evaluate("input.numbers.all(x, x >= 0) && input.rows.all(row, row.id >= 0)")


def test_long_values_are_refused() -> None:
    with pytest.raises(ExpressionError, match="The value has .* bytes as JSON; the limit is"):
        evaluate("[" + ", ".join(["input.large"] * 30) + "]")


def test_deep_values_are_refused() -> None:
    with pytest.raises(ExpressionError, match="nested too deep|Nested too deep"):
        compile_expression("[[[item]]]").evaluate(Scope(item=_nested(31)))


def _nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("input.numbers.all(x, x >= 0)", True),
        ("input.numbers.exists(x, x == 8999)", True),
        ("size(input.rows.map(row, row.name + '!'))", 3_000),
        ("input.rows.filter(row, row.id > 2998).map(row, {'id': row.id})", [{"id": 2999}]),
        ("size(input.uneven.map(one, one.text))", 2_001),
        ("input.rows.all(row, row.name.matches('^[a-z]+ [0-9]{1,4}$'))", True),
        ("input.csv.split(',').map(part, part.upperAscii() + '!').size()", 2_000),
        ("input.large.replace('a', '').size()", 0),
        ("input.large.matches('^(a+)+$')", True),
        ("input.rows.map(row, row.name).join(', ').size() > 10000", True),
        ("size(input.large.split(''))", 200_000),
        ("input.rows.exists(row, 'x' in row.tags)", True),
    ],
)  # fmt: skip
def test_what_is_usual_runs(text: str, value: Any) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("abc", 6, 12),
        ("a{1000}", 1_000, 3_000),
        ("(a{30}){30}", 900, 4_000),
        ("((a{10}){10}){10}", 1_000, 5_000),
        (r"\d{4}-\d{2}", 6, 120),
        ("[a-z]{3,}", 3, 100),
        ("a{", 2, 10),
        ("a{x}", 2, 10),
        ("(((", 3, 10),
        (")))", 1, 10),
        ("[", 1, 20),
        ("\\", 1, 20),
        (r"\pL{10}", 1_000, 5_000),
    ],
)
def test_sizes_of_patterns(pattern: str, least: int, most: int) -> None:
    assert least <= measure_pattern(pattern) <= most
