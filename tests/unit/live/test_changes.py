"""A snapshot and its changes are the newer snapshot, for any JSON objects."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.live.changes import Change, apply, escape, find_change, merge, split

# Few and awkward keys, so that objects have some in common.
KEYS = st.sampled_from(["", "a", "b", "a/b", "~", "~1", "/", "é", "0"]) | st.text(max_size=3)
VALUES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text(max_size=3)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)
SNAPSHOTS = st.dictionaries(KEYS, JSON, max_size=5)
# On a busy machine the first examples take their time.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def exact(value: Any) -> bytes:
    """As text: `==` takes true for 1, and 1 for 1.0."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@PATIENT
@given(SNAPSHOTS, SNAPSHOTS)
def test_the_change_leads_from_one_snapshot_to_the_other(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    before = exact(old)
    change = find_change(old, new)

    assert exact(apply(old, change)) == exact(new)
    assert exact(old) == before
    assert bool(change) == (before != exact(new))


@PATIENT
@given(st.lists(SNAPSHOTS, min_size=2, max_size=6))
def test_merged_changes_do_what_each_does_in_turn(history: list[dict[str, Any]]) -> None:
    merged = Change()
    for old, new in pairwise(history):
        merged = merge(merged, find_change(old, new))
        # What travels is JSON.
        merged = Change(**orjson.loads(orjson.dumps(merged.to_json())))

    assert exact(apply(history[0], merged)) == exact(history[-1])


@PATIENT
@given(st.lists(KEYS, min_size=1, max_size=4))
def test_a_path_names_its_keys(keys: list[str]) -> None:
    assert split("/".join(map(escape, keys))) == keys


def test_a_row_that_changes_is_one_path() -> None:
    old = {"rows": {"7": {"state": "RUNNING", "name": "a"}}, "order": ["7"]}
    new = {"rows": {"7": {"state": "COMPLETED", "name": "a"}}, "order": ["7"]}

    assert find_change(old, new).to_json() == {"set": {"rows/7/state": "COMPLETED"}, "remove": []}


def test_what_is_set_below_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no object for 'a/b'"):
        apply({"a": 1}, Change({"a/b": 2}))
