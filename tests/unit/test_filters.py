"""Several values in one text, as a query string has them, and filters as JSON."""

import orjson
import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.schema.values import join_values, split_values
from tasks_app.filters import filter_of_body, filter_of_query, filter_to_body

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


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status=FAILED,CANCELLED&type=noop&search=an%20order&minPriority=0&internal=true",
        "createdAfter=2030-01-31T08:00:00Z&tag=a,%22red,%20green%22&minDurationMs=5",
        "payload.customer.id=5&payload.%22a.b%22=x&payload.flag=true",
        "id=018f6f2e-0000-7000-8000-000000000000&worker=vm%231",
    ],
)
def test_a_filter_of_tasks_is_the_same_after_json(query: str) -> None:
    wanted = filter_of_query(QueryDict(query))
    assert filter_of_body(orjson.loads(orjson.dumps(filter_to_body(wanted)))) == wanted
