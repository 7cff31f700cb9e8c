"""Policies played on traces."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from scaling.forecast import Forecaster
from scaling.simulation.engine import Policy, Simulation
from scaling.simulation.scoring import Score, score
from scaling.simulation.traces import Trace
from scaling.strategies.decision import Memory, Outcome
from scaling.strategies.inputs import Demand, Forecast, Settings
from scaling.strategies.registry import STRATEGIES

STARTUP = (30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Drained:
    """One of our strategies: its workers are always drained. `seconds`: what each decision cost."""

    name: str
    drains: bool = True
    seconds: list[float] = field(default_factory=list)

    def decide(self, demand: Demand, settings: Settings, memory: Memory) -> Outcome:
        began = perf_counter()
        outcome = STRATEGIES[self.name].decide(demand, settings, memory)
        self.seconds.append(perf_counter() - began)
        return outcome


def forecasts_for(trace: Trace) -> list[Forecast | None]:
    """The forecast at the start of each minute of the day: what came before it is known, no more.

    They depend on the arrivals alone, so all strategies share them.
    """
    forecaster = Forecaster()
    first = int(trace.epoch // 60)
    for k, count in enumerate(trace.history):
        forecaster.observe(first - len(trace.history) + k, count)
    minutes = int(-(-trace.seconds // 60))
    counts = [0] * minutes
    for at in trace.arrivals:
        counts[int(at // 60)] += 1
    made = []
    for k in range(minutes):
        made.append(forecaster.forecast())
        forecaster.observe(first + k, counts[k])
    return made


def run(
    traces: Sequence[Callable[[], Trace]],
    policies: Callable[[], Sequence[Policy]],
    settings: Settings,
    *,
    bound: Callable[[Trace, Settings, float], float],
    startup: tuple[float, float] = STARTUP,
    advance: Callable[[str], None] = lambda _: None,
) -> Iterator[Score]:
    """Play each policy on each trace. policies: makes new ones, which know nothing of earlier days.
    bound: worker-seconds that no schedule can undercut, given the shortest start-up. advance: is
    called with what was just finished."""
    for make in traces:
        trace = make()
        forecasts = forecasts_for(trace)
        lowest = bound(trace, settings, startup[0])
        for policy in policies():
            played = Simulation(
                trace, policy, settings, startup=startup, forecasts=forecasts
            ).play()
            yield score(
                played,
                settings,
                strategy=policy.name,
                trace=trace.name,
                seed=trace.seed,
                seconds=trace.seconds,
                bound=lowest,
                decisions=policy.seconds if isinstance(policy, Drained) else (),
            )
            advance(f"{policy.name} on {trace.name}, seed {trace.seed}")
