"""Definitions of any size and any content: what is bounded, refused or taken."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.errors import Invalid, TooLarge
from tests.unit.workflows.defining import parse, problems_of, step
from workflows.definitions import parse_definition
from workflows.language import Scope


def test_up_to_a_hundred_problems_are_reported() -> None:
    assert len(problems_of(*({"key": f"k{n}", "type": "nothing"} for n in range(150)))) == 100
    found = problems_of(step("a", priority=500, when="x"), step("b", queue="?", type="wait"))
    assert [field for field, _ in found] == [
        "tasks[0].priority",
        "tasks[0].when",
        "tasks[1].payload",
        "tasks[1].queue",
    ]


def test_ten_thousand_steps() -> None:
    wide = [step(f"k{n}", dependsOn=["k0"] if n else [], payload={"n": n}) for n in range(9_999)]
    joined = step("end", dependsOn=[f"k{n}" for n in range(9_999)], when="steps.k0.result != 1")
    definition = parse(*reversed(wide), joined)
    assert (definition.steps[0].key, definition.steps[-1].key) == ("k0", "end")
    assert len(definition.dependents["k0"]) == 9_999


def test_expressions_of_all_steps_are_bounded() -> None:
    many = [step(f"k{n}", payload={"x": ["{{ 1 }}"] * 199}) for n in range(101)]
    assert problems_of(*many) == [("tasks", "At most 20,000 expressions in all steps.")]
    long = [step(f"k{n}", when=f"{n:1999} == 1"[-2_000:]) for n in range(501)]
    assert problems_of(*long) == [("tasks", "At most 1,000,000 characters in all expressions.")]


def test_a_cycle_of_ten_thousand_steps() -> None:
    ring = (step(f"k{n}", dependsOn=[f"k{(n + 1) % 10_000}"]) for n in range(10_000))
    ((field, message),) = problems_of(*ring)
    assert field == "tasks[0].dependsOn"
    assert message.endswith("k8 → k9 → … → k0.")


def test_bodies_are_bounded() -> None:
    with pytest.raises(TooLarge, match="The definition has .* bytes as JSON; the limit is"):
        parse(step(), description="x" * 11_000_000)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["a", "b", "noop", "wait", "approval", "{{ item }}", "steps.a.result", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["seconds", "until", "workflow", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


FIELDS = st.sampled_from(
    ["key", "name", "type", "payload", "dependsOn", "when", "forEach", "priority", "maxAttempts",
     "timeoutSeconds", "onFailure", "queue", "tags", "retry", "other"]
)  # fmt: skip


STEPS = st.dictionaries(FIELDS, VALUES, max_size=8) | st.builds(
    lambda more: {**step(), **more}, st.dictionaries(FIELDS, VALUES, max_size=3)
)


@given(st.lists(STEPS | VALUES, max_size=4), VALUES)
def test_garbage_is_refused_or_taken(tasks: list[Any], name: Any) -> None:
    try:
        definition = parse_definition({"name": name, "tasks": tasks})
    except Invalid as error:
        found = error.errors
    else:
        assert len(definition.steps) == len(tasks)
        return
    assert found
    assert all(one["message"] for one in found)


@pytest.mark.parametrize("key", ["in", "null", "true", "false"])
def test_a_key_that_no_expression_can_name_is_refused(key: str) -> None:
    ((field, message),) = problems_of(step(key))
    assert field == "tasks[0].key"
    assert message == (
        f"Step {key!r}: {key!r} is a word of the expression language: use another key."
    )


@pytest.mark.parametrize(
    "key",
    [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
        "loop", "namespace", "package", "return", "var", "void", "while",  # reserved in CEL
        "bool", "has", "int", "list", "map", "size", "string", "type",
        "input", "item", "index", "run", "steps", "True", "NULL", "_",
    ],
)  # fmt: skip
def test_every_other_key_can_be_read(key: str) -> None:
    reader = {"key": "reader", "type": "test-echo", "dependsOn": [key]}
    definition = parse(step(key), {**reader, "payload": {"x": f"{{{{ steps.{key}.result }}}}"}})
    ended = {key: {"status": "COMPLETED", "result": 5, "error": None}}
    assert definition.by_key["reader"].template.render(Scope(steps=ended)) == {"x": 5}


def test_a_word_of_the_language_after_a_dot_says_what_to_write() -> None:
    ((field, message),) = problems_of(step(when="input.in == 1"))
    assert field == "tasks[0].when"
    assert message == (
        "Step 'a', column 7: 'in' is a reserved word, not a field: write ['in'] without the dot."
    )
