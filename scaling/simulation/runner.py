"""Policies played on traces: each day in figures, and many days in one line."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter

from scaling.forecast import Forecaster
from scaling.simulation.engine import Played, Policy, Simulation
from scaling.simulation.traces import Trace
from scaling.strategies import STRATEGIES
from scaling.strategies.decision import Memory, Outcome
from scaling.strategies.inputs import Demand, Forecast, Settings

STARTUP = (30.0, 60.0)

FLAP_SECONDS = 600.0
_DAY = 86_400.0
_TINY = 1e-9  # hours


@dataclass(frozen=True, slots=True)
class Score:
    """The result of one strategy on one trace. Waits in seconds; changes and flaps per day.

    A change is one of the desired number, by however many workers. A flap is a change in the other
    direction than the one before it, within ten minutes. cut: tasks that would have been killed
    after a grace of 30 s, of policies that do not drain. ratio: to the lower bound. decision_ms:
    mean duration of a decision; slowest_decision_ms: its 99th percentile; 0 for other policies.
    """

    strategy: str
    trace: str
    seed: int
    tasks: int
    worker_hours: float
    p50: float
    p95: float
    p99: float
    on_time: float
    changes: float
    flaps: float
    cut_tasks: int
    cut_hours: float
    bound_hours: float
    decision_ms: float = field(compare=False)  # of this run, on this machine
    slowest_decision_ms: float = field(compare=False)

    @property
    def ratio(self) -> float:
        """Cost as a multiple of the bound."""
        return max(self.worker_hours, _TINY) / max(self.bound_hours, _TINY)

    def meets(self, goal: float) -> bool:
        """Whether enough tasks started within the objective."""
        return self.on_time >= goal


@dataclass(frozen=True, slots=True)
class Summary:
    """One strategy over all its days."""

    strategy: str
    days: int
    met: int
    worst_on_time: float
    ratio: float
    changes: float
    flaps: float
    cut_tasks: float
    p95: float


def score(
    played: Played,
    settings: Settings,
    *,
    strategy: str,
    trace: str,
    seed: int,
    seconds: float,
    bound: float,
    decisions: Sequence[float] = (),
) -> Score:
    """bound: worker-seconds. decisions: what each cost, in seconds."""
    waits = sorted(played.waits)
    days = seconds / _DAY
    return Score(
        strategy=strategy,
        trace=trace,
        seed=seed,
        tasks=len(waits),
        worker_hours=played.paid_seconds / 3_600,
        p50=_percentile(waits, 0.5),
        p95=_percentile(waits, 0.95),
        p99=_percentile(waits, 0.99),
        on_time=sum(1 for wait in waits if wait <= settings.objective_seconds) / max(1, len(waits)),
        changes=len(played.changes) / days,
        flaps=count_flaps(played.changes) / days,
        cut_tasks=played.cut_tasks,
        cut_hours=played.cut_seconds / 3_600,
        bound_hours=bound / 3_600,
        decision_ms=sum(decisions) / max(1, len(decisions)) * 1_000,
        slowest_decision_ms=_percentile(sorted(decisions), 0.99) * 1_000,
    )


def summarise(scores: Sequence[Score], goal: float) -> Summary:
    """The geometric mean of the ratios, the means of the rest. `scores` must not be empty."""
    n = len(scores)
    return Summary(
        strategy=scores[0].strategy,
        days=n,
        met=sum(1 for each in scores if each.meets(goal)),
        worst_on_time=min(each.on_time for each in scores),
        ratio=geometric_mean([each.ratio for each in scores]),
        changes=sum(each.changes for each in scores) / n,
        flaps=sum(each.flaps for each in scores) / n,
        cut_tasks=sum(each.cut_tasks for each in scores) / n,
        p95=sum(each.p95 for each in scores) / n,
    )


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(math.log(value) for value in values) / len(values))


def count_flaps(changes: Sequence[tuple[float, int, int]]) -> int:
    """Changes in the other direction than the one before, within ten minutes."""
    flaps = 0
    for (before, b_from, b_to), (at, a_from, a_to) in pairwise(changes):
        turns = (b_to > b_from) != (a_to > a_from)
        flaps += turns and at - before <= FLAP_SECONDS
    return flaps


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Drained:
    """One of our strategies: its workers are always drained. `seconds`: the duration of each
    decision."""

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
    """Simulate each policy on each trace. policies: creates new ones, without memory of earlier
    days. bound: worker-seconds that no schedule can undercut, given the shortest start-up. advance:
    is called with what was just finished."""
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
