"""Strategies: pure functions from measurements to a number of workers. A strategy does not use the
database, the clock or random numbers. Its memory between two decisions is an argument and a result,
so a recorded decision can be replayed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from scaling.schema import Configuration
from scaling.strategies.base import Strategy
from scaling.strategies.decision import Constraint, Decision, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Expected, Forecast, Settings
from scaling.strategies.objective import Objective
from scaling.strategies.predictive import Predictive, Unguarded
from scaling.strategies.runtimes import RunTimes
from scaling.strategies.threshold import Threshold

__all__ = [
    "DEFAULT_STRATEGY",
    "STRATEGIES",
    "Constraint",
    "Decision",
    "Demand",
    "Expected",
    "Forecast",
    "Memory",
    "Outcome",
    "Rule",
    "RunTimes",
    "Settings",
    "Strategy",
    "decide",
    "find_difference",
    "replay",
]

DEFAULT_STRATEGY: str = Configuration().strategy
STRATEGIES: dict[str, Strategy] = {
    each.name: each for each in (Predictive(), Unguarded(), Objective(), Threshold())
}


def decide(name: str, demand: Demand, settings: Settings, memory: Memory) -> Decision:
    """Run a strategy. Raises KeyError for a name that is not in `STRATEGIES`."""
    outcome = STRATEGIES[name].decide(demand, settings, memory)
    return Decision(name, demand, settings, memory, outcome)


def replay(record: Mapping[str, Any]) -> Decision:
    """Decide again from the inputs of a recorded decision (`Decision.to_json`). Raises KeyError for
    a strategy that no longer exists.
    """
    return decide(
        record["strategy"],
        Demand.from_json(record["demand"]),
        # Valid when it was recorded, and not validated again: bounds may have changed since.
        Settings.model_construct(**record["settings"]),
        Memory.from_json(record["before"]),
    )


def find_difference(record: Mapping[str, Any]) -> str:
    """How the replayed decision differs from its record; empty if it is equal. The sentence is not
    compared, since its wording may change between releases; its figures are compared.
    """
    try:
        replayed = json.loads(json.dumps(asdict(replay(record).outcome)))
    except (KeyError, TypeError, ValueError) as error:
        return f"It cannot be replayed: {type(error).__name__}: {' '.join(str(error).split())}."
    kept = record["outcome"]
    names = sorted({*replayed, *kept} - {"sentence"})
    different = [name for name in names if replayed.get(name) != kept.get(name)]
    if not different:
        return ""
    first = different[0]
    return (
        f"{', '.join(different)}: {first} was {kept.get(first)!r} and is {replayed.get(first)!r}."
    )
