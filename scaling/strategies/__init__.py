"""How many workers there should be: pure functions of what was measured.

A strategy knows no database, no clock and no random numbers. What it must remember between two
decisions is a value that it is given and gives back, so a recorded decision can be replayed.
"""

from scaling.strategies.base import Strategy
from scaling.strategies.decision import Constraint, Decision, Memory, Outcome, Rule
from scaling.strategies.inputs import Demand, Expected, Forecast, Settings
from scaling.strategies.registry import (
    DEFAULT_STRATEGY,
    STRATEGIES,
    decide,
    find_difference,
    replay,
)
from scaling.strategies.runtimes import RunTimes

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
