"""JSON with expressions in its texts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.language import ExpressionError, Scope, TemplateError, compile_template

SCOPE = Scope(
    input={"n": 1, "f": 1.5, "s": 'a "b"', "none": None, "yes": True, "map": {"z": 1, "a": [2]}}
)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        (1, 1),
        (None, None),
        ("plain", "plain"),
        ("{ {", "{ {"),
        ("a }} b", "a }} b"),
        ({}, {}),
        ("{{ input.n }}", 1),
        ("{{input.n}}", 1),
        ("{{ input.map }}", {"z": 1, "a": [2]}),
        ("{{ input.none }}", None),
        (" {{ input.n }}", " 1"),
        ("{{ input.n }}{{ input.n }}", "11"),
        ("n={{ input.n }}, f={{ input.f }}, {{ input.yes }}", "n=1, f=1.5, true"),
        ("{{ input.s }}!", 'a "b"!'),
        ("{{ input.none }}!", "null!"),
        ("{{ input.map }}!", '{"a":[2],"z":1}!'),
        ("{{ timestamp('2026-01-01T00:00:00Z') }}!", "2026-01-01T00:00:00Z!"),
        ('{{ "{{" }}', "{{"),
        ('{{ "{{" }} and {{ "}}" }}', "{{ and }}"),
        ("{{ '}}' + r'\\d' + \"}}\" }}", "}}\\d}}"),
        ("{{ '\\'}}' }}", "'}}"),
        ("{{ '''it's }}''' }}", "it's }}"),
        ('{{ """a "}}" b""" }}', 'a "}}" b'),
        ("{{ b'}}' == br'}}' }}", True),
        ("{{ {'a': {'b': 1}} }}", {"a": {"b": 1}}),
        ("{{ {'a': 1}}}", {"a": 1}),
        ("{{ {'a': {}}.a }}x", "{}x"),
        ("{{ 1 // don't }} }}", "1 }}"),
        ("{{ 1 // '\n + 1 }}", 2),
        ({"a": ["{{ input.n }}", {"b": "x{{ input.n }}"}]}, {"a": [1, {"b": "x1"}]}),
        ({"{{ input.n }}": 1}, {"{{ input.n }}": 1}),
    ],
)
def test_values(template: Any, value: Any) -> None:
    found = compile_template(template).render(SCOPE)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("template", "path", "column", "message"),
    [
        ("ab {{ input.n", "", 4, "This {{ has no }} after it."),
        ("{{ 'a }}", "", 1, "This {{ has no }} after it."),
        ("{{ {'a': 1 }}", "", 1, "This {{ has no }} after it."),
        ("{{}}", "", 3, "The expression is empty."),
        ("ok {{ input.n }} {{ input. }}", "", 28, "Syntax error"),
        ({"a": [0, {"b c": "x {{ nosuch }}"}]}, "a[1].b c", 6, "There is no variable 'nosuch'"),
        (["{{ steps[input.s] }}"], "[0]", 4, "must be written out"),
    ],
)
def test_what_cannot_be_compiled(template: Any, path: str, column: int, message: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compile_template(template)
    assert message in error.value.message
    assert (error.value.path, error.value.column) == (path, column)


def test_what_cannot_be_rendered_says_where() -> None:
    template = compile_template({"a": ["é {{ input.n }} {{ input.zz }}"]})
    with pytest.raises(TemplateError, match="There is no 'zz' in input.") as error:
        template.render(SCOPE)
    assert (error.value.path, error.value.column) == ("a[0]", 26)


def test_what_a_template_reads() -> None:
    template = compile_template(
        {"a": "{{ steps.x.result }} {{ item }}", "b": [1, "{{ steps.y.status + steps.x.status }}"]}
    )
    assert template.steps == {"x", "y"}
    assert template.variables == {"steps", "item"}
    assert [path for path, _ in template.expressions] == ["a", "a", "b[1]"]
    assert not template.is_constant
    assert compile_template({"a": ["plain"]}).is_constant


def test_expressions_are_counted() -> None:
    compile_template(["{{ 1 }}"] * 200)
    with pytest.raises(ExpressionError, match="A template may have 200 expressions."):
        compile_template(["{{ 1 }}"] * 201)


def test_depth_is_bounded() -> None:
    value: Any = "{{ 1 }}"
    for _ in range(65):
        value = [value]
    with pytest.raises(ExpressionError, match="Nested too deep; the limit is 64 levels."):
        compile_template(value)


def test_all_values_together_are_bounded() -> None:
    template = compile_template([" {{ input }}"] * 30)
    with pytest.raises(TemplateError, match="The values have more than 4,194,304 bytes together"):
        template.render(Scope(input="x" * 200_000))


PIECES = st.sampled_from(
    ["{{", "}}", "{", "}", "'", '"', "'''", "r'", "\\", "//", "\n", " ", "a", "1", "input.n", "`"]
)


@given(st.lists(PIECES, max_size=15).map("".join))
def test_garbage_gives_errors_of_the_language_or_a_value(text: str) -> None:
    try:
        value = compile_template(text).render(SCOPE)
    except (ExpressionError, TemplateError) as error:
        value, column = text, error.column
    else:
        column = 1
    assert value == text or "{{" in text
    assert 1 <= column <= len(text) + 1


@given(st.text())
def test_any_text_can_be_written_as_a_literal(text: str) -> None:
    escaped = text.replace("{{", '{{ "{{" }}')
    if text.count("{{") <= 20 and "{{{" not in text:
        assert compile_template(escaped).render(SCOPE) == text
