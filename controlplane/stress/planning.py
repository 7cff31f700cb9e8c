"""What a test submits next: single tasks, chains and fan-ins, each with its fate. Pure.

The plan follows from the parameters and how much of it was submitted, so that a dispatcher that
takes over goes on where the last one stopped, and the counts are known before anything runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.stress.lots import is_doomed
from controlplane.stress.states import StressShape, StressType

# What becomes of a task: one letter of StressChunk.fates.
COMPLETES, FAILS, CANCELLED = "C", "F", "X"

LARGEST_SHARE = 0.8  # of dependents: four of the five tasks of a chain
_CHAINS = (2, 3, 4, 5)
_MOST_OF_CHAINS = 0.6  # above this share of dependents every chain is as long as it may be
_FEW_PARENTS, _MANY_PARENTS = (2, 3, 5), (2, 5, 20, 3)
_MANY_UP_TO = 0.3

Family = list[tuple[int, ...]]  # of each member the places of its parents in the family


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parameters that a plan follows from."""

    tasks: int
    type: str
    failure_rate: float  # 0…1
    dependent_share: float  # 0…LARGEST_SHARE
    shape: str
    seed: int


@dataclass(slots=True)
class Progress:
    """How much of the plan there is: tasks, dependents and families so far."""

    tasks: int = 0
    dependents: int = 0
    families: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """One task: its number in the test, those of its parents, what it does when one of them does
    not complete, and its fate."""

    index: int
    parents: tuple[int, ...]
    runs_anyway: bool
    fate: str


def plan_next(wanted: Wanted, progress: Progress, *, want: int, most: int) -> list[Planned]:
    """The next tasks, at least `want` while there are so many, never above `most`. Families are
    whole; `progress` is moved on."""
    planned: list[Planned] = []
    while len(planned) < want and progress.tasks < wanted.tasks:
        left = wanted.tasks - progress.tasks
        family = _next_family(wanted, progress, room=min(left, most))
        if len(planned) + len(family) > most:
            break
        planned += _with_fates(wanted, progress, family)
        progress.tasks += len(family)
        progress.dependents += sum(bool(parents) for parents in family)
        progress.families += len(family) > 1
    return planned


def count_edges(planned: Sequence[Planned]) -> int:
    """How many "task waits for task" there are among these."""
    return sum(len(task.parents) for task in planned)


def _next_family(wanted: Wanted, progress: Progress, *, room: int) -> Family:
    is_behind = progress.dependents < wanted.dependent_share * progress.tasks
    # The first of all is asked for too: a test of few tasks must have its share.
    is_due = is_behind or (progress.tasks == 0 and wanted.dependent_share > 0)
    if not is_due or room < min(_CHAINS):
        return [()]
    is_mixed = wanted.shape == StressShape.MIXED
    number = progress.families // 2 if is_mixed else progress.families
    if wanted.shape == StressShape.FAN_IN or (is_mixed and progress.families % 2):
        family = _fan_in(wanted.dependent_share, number)
        if len(family) <= room:
            return family
    return _chain(wanted.dependent_share, number, room)


def _chain(share: float, number: int, room: int) -> Family:
    length = _CHAINS[-1] if share > _MOST_OF_CHAINS else _CHAINS[number % len(_CHAINS)]
    return [() if place == 0 else (place - 1,) for place in range(min(length, room))]


def _fan_in(share: float, number: int) -> Family:
    sizes = _MANY_PARENTS if share <= _MANY_UP_TO else _FEW_PARENTS
    parents = sizes[number % len(sizes)]
    joins = max(1, math.ceil(parents * share / (1 - share)))
    return [()] * parents + [tuple(range(parents))] * joins


def _with_fates(wanted: Wanted, progress: Progress, family: Family) -> list[Planned]:
    # Two families in a row do the same, so that chains and fan-ins do both; the eighths, so that
    # those of each size do.
    runs_anyway = (progress.families // 2 + progress.families // 8) % 2 == 1
    first = progress.tasks
    fates: list[str] = []
    for place, parents in enumerate(family):
        is_broken = any(fates[parent] != COMPLETES for parent in parents)
        if is_broken and not runs_anyway:
            fates.append(CANCELLED)
        elif wanted.type != StressType.FLAKY and is_doomed(
            wanted.seed, first + place, wanted.failure_rate
        ):
            fates.append(FAILS)
        else:
            fates.append(COMPLETES)
    return [
        Planned(
            index=first + place,
            parents=tuple(first + parent for parent in parents),
            runs_anyway=runs_anyway,
            fate=fates[place],
        )
        for place, parents in enumerate(family)
    ]
