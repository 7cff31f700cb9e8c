"""The next tasks of a test: single tasks, chains and fan-ins, each with its expected outcome. Pure.
The plan depends only on the parameters and the position, so that a new leader continues where the
previous one stopped, and the counts are known before anything runs.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.ops.stress.spec import StressParameters
from controlplane.ops.stress.states import StressShape, StressType

# The expected outcome of a task: a value of StressTask.expected.
COMPLETES, FAILS, CANCELLED = "C", "F", "X"

_CHAINS = (2, 3, 4, 5)
_MIXED_CHAINS_UP_TO = 0.6  # above this share of dependents every chain has the maximum length
_FEW_PARENTS, _MANY_PARENTS = (2, 3, 5), (2, 5, 20, 3)
_MANY_UP_TO = 0.3
_RANGE = 2**64

Group = list[tuple[int, ...]]  # for each member the positions of its parents in the group


def should_fail(seed: int, index: int, rate: float) -> bool:
    """Whether a task fails: true for about this share (0…1) of the indexes, always the same."""
    digest = hashlib.blake2b(f"{seed}:{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < rate * _RANGE


@dataclass(slots=True)
class PlanPosition:
    """The submitted part of the plan: tasks, dependents and groups."""

    tasks: int = 0
    dependents: int = 0
    groups: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """One task: its number in the test, the numbers of its parents, whether it runs if one of them
    does not complete, and its expected outcome."""

    index: int
    parents: tuple[int, ...]
    runs_anyway: bool
    expected: str


def plan_next(
    spec: StressParameters, position: PlanPosition, *, minimum: int, limit: int
) -> list[Planned]:
    """The next tasks: at least `minimum`, unless fewer are left, and at most `limit`. Groups stay
    whole; `position` is advanced."""
    planned: list[Planned] = []
    while len(planned) < minimum and position.tasks < spec.tasks:
        left = spec.tasks - position.tasks
        group = _next_group(spec, position, room=min(left, limit))
        if len(planned) + len(group) > limit:
            break
        planned += _with_outcomes(spec, position, group)
        position.tasks += len(group)
        position.dependents += sum(bool(parents) for parents in group)
        position.groups += len(group) > 1
    return planned


def count_edges(planned: Sequence[Planned]) -> int:
    return sum(len(task.parents) for task in planned)


def _next_group(spec: StressParameters, position: PlanPosition, *, room: int) -> Group:
    is_behind = position.dependents < spec.dependent_share * position.tasks
    # The first group is due too: a test of few tasks must have its share.
    is_due = is_behind or (position.tasks == 0 and spec.dependent_share > 0)
    if not is_due or room < min(_CHAINS):
        return [()]
    is_mixed = spec.shape == StressShape.MIXED
    number = position.groups // 2 if is_mixed else position.groups
    if spec.shape == StressShape.FAN_IN or (is_mixed and position.groups % 2):
        group = _fan_in(spec.dependent_share, number)
        if len(group) <= room:
            return group
    return _chain(spec.dependent_share, number, room)


def _chain(share: float, number: int, room: int) -> Group:
    length = _CHAINS[-1] if share > _MIXED_CHAINS_UP_TO else _CHAINS[number % len(_CHAINS)]
    return [() if place == 0 else (place - 1,) for place in range(min(length, room))]


def _fan_in(share: float, number: int) -> Group:
    sizes = _MANY_PARENTS if share <= _MANY_UP_TO else _FEW_PARENTS
    parents = sizes[number % len(sizes)]
    joins = max(1, math.ceil(parents * share / (1 - share)))
    return [()] * parents + [tuple(range(parents))] * joins


def _with_outcomes(spec: StressParameters, position: PlanPosition, group: Group) -> list[Planned]:
    # Two groups in a row do the same, so that chains and fan-ins do both; the eighths, so that
    # groups of each size do.
    runs_anyway = (position.groups // 2 + position.groups // 8) % 2 == 1
    first = position.tasks
    outcomes: list[str] = []
    seed = spec.seed or 0
    for place, parents in enumerate(group):
        is_broken = any(outcomes[parent] != COMPLETES for parent in parents)
        if is_broken and not runs_anyway:
            outcomes.append(CANCELLED)
        elif spec.type != StressType.FLAKY and should_fail(seed, first + place, spec.failure_rate):
            outcomes.append(FAILS)
        else:
            outcomes.append(COMPLETES)
    return [
        Planned(
            index=first + place,
            parents=tuple(first + parent for parent in parents),
            runs_anyway=runs_anyway,
            expected=outcomes[place],
        )
        for place, parents in enumerate(group)
    ]
