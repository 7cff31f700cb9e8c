"""The strategies by name."""

from scaling.strategies.base import Strategy
from scaling.strategies.decision import Decision, Memory
from scaling.strategies.inputs import Demand, Settings
from scaling.strategies.objective import Objective
from scaling.strategies.predictive import Predictive, Unguarded
from scaling.strategies.threshold import Threshold

DEFAULT_STRATEGY = "predictive"
STRATEGIES: dict[str, Strategy] = {
    each.name: each for each in (Predictive(), Unguarded(), Objective(), Threshold())
}


def decide(name: str, demand: Demand, settings: Settings, memory: Memory) -> Decision:
    """Ask a strategy. Raises KeyError for a name that is not in `STRATEGIES`."""
    outcome = STRATEGIES[name].decide(demand, settings, memory)
    return Decision(name, demand, settings, memory, outcome)
