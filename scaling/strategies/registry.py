"""The strategies by name."""

from scaling.strategies.base import Strategy
from scaling.strategies.decision import Decision, Memory
from scaling.strategies.guarded import Guarded
from scaling.strategies.inputs import Demand, Settings
from scaling.strategies.objective import Objective
from scaling.strategies.predictive import Predictive
from scaling.strategies.threshold import Threshold

DEFAULT_STRATEGY = "guarded"
STRATEGIES: dict[str, Strategy] = {
    each.name: each for each in (Guarded(), Predictive(), Objective(), Threshold())
}


def decide(name: str, demand: Demand, settings: Settings, memory: Memory) -> Decision:
    """Ask a strategy. Raises KeyError for a name that is not in `STRATEGIES`."""
    outcome = STRATEGIES[name].decide(demand, settings, memory)
    return Decision(name, demand, settings, memory, outcome)
