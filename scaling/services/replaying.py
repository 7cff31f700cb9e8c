"""Decide once more what was decided, to see whether the record explains it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from scaling.selectors.events import iterate_events
from scaling.strategies import replay

_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many recorded decisions replay to themselves; the first of those that do not, with why.
    `undecided`: events without a decision, such as orders, and those while nothing was measured."""

    same: int
    different: int
    undecided: int
    differences: list[tuple[UUID, str]]


def replay_decisions(since: datetime) -> Replayed:
    """Every decision of a strategy that is kept from `since` on, also those that stand beside a
    person's order."""
    same = different = undecided = 0
    told: list[tuple[UUID, str]] = []
    for chunk in iterate_events(since):
        for event in chunk:
            record = event.inputs if "outcome" in event.inputs else event.inputs.get("instead")
            if record is None:
                undecided += 1
            elif problem := find_difference(record):
                different += 1
                told += [(event.id, problem)] if len(told) < _MOST_TOLD else []
            else:
                same += 1
    return Replayed(same, different, undecided, told)


def find_difference(record: dict[str, Any]) -> str:
    """How the decision comes out otherwise than in its record; empty when it is the same."""
    try:
        again = json.loads(json.dumps(asdict(replay(record).outcome)))
    except (KeyError, TypeError, ValueError) as error:
        return f"It cannot be decided again: {type(error).__name__}: {error}."
    kept = record["outcome"]
    names = sorted(name for name in {*again, *kept} if again.get(name) != kept.get(name))
    if not names:
        return ""
    first = names[0]
    return f"{', '.join(names)}: {first} was {kept.get(first)!r} and is {again.get(first)!r}."
