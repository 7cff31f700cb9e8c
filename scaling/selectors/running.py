"""Which slots are taken, and for how long already."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from tasks_app.selectors.demand import RunningGroup


def represent(groups: Sequence[RunningGroup], *, slots: int, share: int) -> tuple[float, ...]:
    """The age of each slot's work in seconds, to a tenth, the oldest first.

    groups: running tasks, the oldest first. slots: how many there are. share: how many async
    handlers one holds.

    A sync task has its slot for itself; but quick ones are claimed in batches, and count as running
    before their handlers begin, so of more than there are slots only the oldest run. Async ones
    share slots: the oldest of each `share` of them stands for all, of a rest if it is at least half
    of that. Few of them take no slot from others; where nothing else runs, an age of 0, which
    blocks next to nothing, says that the pool is not idle.
    """
    sync = islice(_expand(group for group in groups if not group.is_async), slots)
    flying = list(_expand(group for group in groups if group.is_async))
    full = (2 * len(flying) + share) // (2 * share)
    ages = sorted([*sync, *flying[::share][:full]], reverse=True)
    return tuple(ages) or ((0.0,) if groups else ())


def _expand(groups: Iterable[RunningGroup]) -> Iterator[float]:
    for group in groups:
        yield from [round(group.age, 1)] * group.tasks
