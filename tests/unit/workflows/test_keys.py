"""Steps without keys get them from their names."""

from typing import Any

import pytest

from controlplane.core.errors import Invalid
from workflows.definitions import parse_definition


def keys(*steps: dict[str, Any]) -> list[str]:
    return [step["key"] for step in parse(*steps)]


def parse(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    body = {"name": "w", "tasks": [{"type": "noop", **step} for step in steps]}
    return list(parse_definition(body).raw["tasks"])


def problems(*steps: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as raised:
        parse(*steps)
    return {error["field"]: error["message"] for error in raised.value.errors}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Extract", "extract"),
        ("Extract the Data", "extract_the_data"),
        ("  E-mail / SMS  ", "e_mail_sms"),
        ("Über-Prüfung", "uber_prufung"),
        ("2nd pass", "step_2nd_pass"),
        ("null", "step_null"),
        ("In", "step_in"),
        ("x" * 200, "x" * 92),
    ],
)
def test_a_key_is_made_of_the_name(name: str, key: str) -> None:
    (step,) = parse({"name": name})
    assert (step["key"], step["name"]) == (key, name)


def test_derived_keys_are_unique() -> None:
    assert keys({"name": "Load"}, {"name": "load"}, {"name": "Load!"}, {"key": "load_2"}) == [
        "load",
        "load_3",
        "load_4",
        "load_2",
    ]


def test_depends_on_takes_names_and_keys() -> None:
    steps = parse(
        {"name": "Extract"},
        {"name": "Transform it", "dependsOn": ["Extract"]},
        {"key": "check", "name": "Check", "dependsOn": ["transform_it"]},
        {"name": "Load", "dependsOn": ["Check", "Transform it", "extract"]},
    )
    assert [step.get("dependsOn") for step in steps] == [
        None,
        ["extract"],
        ["transform_it"],
        ["check", "transform_it", "extract"],
    ]


def test_a_key_wins_over_the_name_of_another_step() -> None:
    steps = parse(
        {"key": "b", "name": "a"}, {"key": "a", "name": "b"}, {"name": "c", "dependsOn": ["a"]}
    )
    assert steps[2]["dependsOn"] == ["a"]


def test_a_name_of_two_steps_is_no_parent() -> None:
    found = problems({"name": "Load"}, {"name": "Load"}, {"name": "End", "dependsOn": ["Load"]})
    assert "2 steps have the name 'Load'" in found["tasks[2].dependsOn[0]"]


@pytest.mark.parametrize("step", [{}, {"name": "!!"}, {"name": "…", "key": None}])
def test_a_step_needs_a_key_or_a_name_that_gives_one(step: dict[str, Any]) -> None:
    assert "a name from which one can be derived" in problems(step)["tasks[0].key"]


def test_the_body_is_left_as_it_was_given() -> None:
    body = {"name": "w", "tasks": [{"type": "noop", "name": "A"}]}
    parse_definition(body)
    assert body == {"name": "w", "tasks": [{"type": "noop", "name": "A"}]}
