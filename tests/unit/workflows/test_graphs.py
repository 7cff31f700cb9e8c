"""The order of steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.graphs import Ancestors, find_cycle, find_dependents, show_cycle, sort_keys

GRAPHS = st.lists(st.lists(st.integers(0, 11), max_size=4), max_size=12).map(
    lambda rows: {
        str(key): [str(parent) for parent in above if parent < len(rows) and parent != key]
        for key, above in enumerate(rows)
    }
)


@given(GRAPHS)
def test_order_and_cycles(parents: dict[str, list[str]]) -> None:
    order = sort_keys(parents)
    place = {key: number for number, key in enumerate(order)}
    assert all(place[parent] < place[key] for key in order for parent in parents[key])
    left = set(parents) - set(order)
    if left:
        cycle = find_cycle(parents, left)
        following = [*cycle[1:], cycle[0]]
        assert all(after in parents[key] for key, after in zip(cycle, following, strict=True))


@given(GRAPHS)
def test_ancestors_are_what_is_reached_upwards(parents: dict[str, list[str]]) -> None:
    order = sort_keys(parents)
    ancestors = Ancestors(parents, order)
    for key in order:
        above, queue = set(), list(parents[key])
        while queue:
            parent = queue.pop()
            if parent not in above:
                above.add(parent)
                queue += parents[parent]
        assert {other for other in order if ancestors.is_above(other, key)} == above


def test_free_keys_keep_the_order_they_were_given() -> None:
    assert sort_keys({"z": [], "b": ["a"], "a": [], "c": ["z"]}) == ["z", "a", "b", "c"]


def test_dependents_are_named_once() -> None:
    assert find_dependents({"a": [], "b": ["a", "a"], "c": ["a"]}) == {
        "a": ("b", "c"),
        "b": (),
        "c": (),
    }


@pytest.mark.parametrize(
    ("cycle", "text"),
    [
        (["a", "b"], "a → b → a"),
        ([f"k{n}" for n in range(12)], "k0 → k1 → k2 → k3 → k4 → k5 → k6 → k7 → k8 → k9 → … → k0"),
    ],
)
def test_cycles_are_shown(cycle: list[str], text: str) -> None:
    assert show_cycle(cycle) == text
