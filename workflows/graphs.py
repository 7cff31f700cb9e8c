"""The order of steps: topological order, cycles, ancestors. Time grows with steps and edges."""

import heapq
from collections.abc import Iterable, Mapping, Sequence

Parents = Mapping[str, Sequence[str]]
"""The keys that each key depends on; all of them are keys of the mapping."""

SHOWN = 10  # steps of a cycle that are named


def sort_keys(parents: Parents) -> list[str]:
    """The keys in topological order; otherwise in the given order. Keys on a cycle, or after one,
    are left out. Kahn, "Topological sorting of large networks", Communications of the ACM 5 (1962).
    """
    numbers = {key: number for number, key in enumerate(parents)}
    keys = list(parents)
    waits = {key: len(set(above)) for key, above in parents.items()}
    dependents = find_dependents(parents)
    ready = [numbers[key] for key, count in waits.items() if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        key = keys[heapq.heappop(ready)]
        order.append(key)
        for below in dependents[key]:
            waits[below] -= 1
            if not waits[below]:
                heapq.heappush(ready, numbers[below])
    return order


def find_dependents(parents: Parents) -> dict[str, tuple[str, ...]]:
    """The reverse: the dependents of each key."""
    found: dict[str, list[str]] = {key: [] for key in parents}
    for key, above in parents.items():
        for parent in dict.fromkeys(above):
            found[parent].append(key)
    return {key: tuple(below) for key, below in found.items()}


def find_cycle(parents: Parents, left: Iterable[str]) -> list[str]:
    """One cycle among the keys that the order left out: each depends on the next."""
    rest = set(left)
    place: dict[str, int] = {}
    trail: list[str] = []
    key = next(key for key in parents if key in rest)
    while key not in place:
        place[key] = len(trail)
        trail.append(key)
        key = next(parent for parent in parents[key] if parent in rest)
    return trail[place[key] :]


def show_cycle(cycle: list[str]) -> str:
    """`a → b → a`; long ones are cut."""
    shown = cycle[:SHOWN]
    more = [] if len(shown) == len(cycle) else ["…"]
    return " → ".join([*shown, *more, cycle[0]])


class Ancestors:
    """The ancestors of each step, with one bit for each pair: 10,000 steps take 12 MB."""

    def __init__(self, parents: Parents, order: Sequence[str]) -> None:
        self._bits = {key: 1 << number for number, key in enumerate(order)}
        self._above: dict[str, int] = {}
        for key in order:
            above = 0
            for parent in parents[key]:
                above |= self._above[parent] | self._bits[parent]
            self._above[key] = above

    def is_above(self, ancestor: str, key: str) -> bool:
        """Whether `key` waits for `ancestor`, directly or through others."""
        return bool(self._above[key] & self._bits[ancestor])
