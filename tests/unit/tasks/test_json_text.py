"""JSON as people read it: exact, with nothing that cannot be seen, and still the same JSON."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.visibletext import visible_text
from tasks_app.admin.jsontext import show_value, visible_json
from tests.hostiletext import HOSTILE, find_dangers

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(HOSTILE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_shown_is_the_same_json(value: Any) -> None:
    text = show_value(value).text
    assert json.loads(text) == value
    assert find_dangers(text) == []


def test_whole_numbers_are_exact() -> None:
    assert show_value({"n": 2**63}).text == '{\n  "n": 9223372036854775808\n}'


def test_masked_values_are_counted_and_marked() -> None:
    shown = show_value({"a": "***", "b": ["***", "x***"], "c": {"***": 1}})
    assert shown.masked == 2
    assert [line.strip() for line, is_masked in shown.lines if is_masked] == [
        '"a": "***",', '"***",', '"***": 1',
    ]  # fmt: skip


def test_joiners_stay_and_overrides_do_not() -> None:
    family = "👩\u200d👧"
    assert visible_text(family) == family
    assert visible_text("\u202eexe") == "\\u202eexe"
    assert visible_text("\\u200d") == "\\u200d"  # six characters that somebody wrote
    assert visible_json('"\x7f"') == '"\\u007f"'
