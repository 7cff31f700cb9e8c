"""Several values in one text, as a query string has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.schema.values import join_values, split_values

CASES = {
    "one": ("red", ["red"]),
    "two": ("red,green", ["red", "green"]),
    "a comma": ('"red,green",blue', ["red,green", "blue"]),
    "empty parts": (",red,,green,", ["red", "green"]),
    "an empty text": ('"",red', ["", "red"]),
    "spaces stay": (" red , green ", [" red ", " green "]),
    "quotes within": ('say "hi",red', ['say "hi"', "red"]),
    "an escape": (r'"say \"hi, you\"",red', ['say "hi, you"', "red"]),
    "an open quote": ('"red,green', ['"red', "green"]),
    "something behind a quote": ('"red"s,green', ['"red"s', "green"]),
    "no JSON string": (r'"\x",red', [r'"\x"', "red"]),
    "a lone surrogate": (r'"\ud800"', [r'"\ud800"']),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "values"), CASES.values(), ids=CASES.keys())
def test_commas_separate_values_and_json_strings_hold_them(text: str, values: list[str]) -> None:
    assert split_values([text]) == values
    assert split_values([text, "more"]) == [*values, "more"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.text('",\\ a')))
def test_what_is_joined_is_split_again(values: list[str]) -> None:
    assert split_values([join_values(values)]) == values
