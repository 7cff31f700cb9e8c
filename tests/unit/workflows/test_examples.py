"""Every example of the document is true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from workflows.definitions import check_input, parse_definition
from workflows.language import Scope, compile_expression
from workflows.language.cel import FUNCTIONS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "workflows.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


WHOLE, VALUES, BRANCHES = (json.loads(text) for text in blocks("json"))
LINES = [line.rsplit(" → ", 1) for line in blocks("cel")[0].splitlines()]


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_expressions(text: str, expected: str) -> None:
    found = compile_expression(text.strip()).evaluate(Scope(**VALUES))
    wanted = json.loads(expected)
    assert found == wanted
    assert same_types(found, wanted), f"{found!r} is another type than {wanted!r}"


def same_types(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return all(same_types(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, dict):
        return all(same_types(one[key], other[key]) for key in other)
    return type(one) is type(other)


def test_every_function_has_an_example() -> None:
    text = "\n".join(line for line, _ in LINES)
    missing = [name for name in FUNCTIONS if not re.search(rf"\b{re.escape(name)}\(", text)]
    # What needs no example: rarely used siblings of shown ones.
    assert set(missing) <= {
        "bytes", "dyn", "uint", "math.isFinite", "math.isInf", "getDayOfMonth", "getDayOfYear",
        "getMilliseconds", "getMinutes", "getSeconds",
    }  # fmt: skip


def test_definitions() -> None:
    definition = parse_definition(WHOLE)
    assert [step.key for step in definition.steps] == ["reserve", "check", "ship"]
    check_input(definition, {"lines": [{}]})
    branches = parse_definition({"name": "branches", "tasks": BRANCHES})
    assert branches.dependents["charge"] == ("ship", "post")
