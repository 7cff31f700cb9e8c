"""What Taskplane aims at, and whether a run reached it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.scenarios import Figures

# Figures by scenario, then by system: medians over the repeats.
Medians = Mapping[str, Mapping[str, Figures]]


@dataclass(frozen=True, slots=True)
class Aim:
    """One aim. `value` reads the figure; `at_least` says on which side of `limit` it must be."""

    text: str
    unit: str
    limit: float
    value: Callable[[Medians], float]
    at_least: bool = True

    def is_met(self, value: float) -> bool:
        """Whether this value is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit


def _ratio(scenario: str, figure: str, peer: str) -> Callable[[Medians], float]:
    def read(medians: Medians) -> float:
        figures = medians[scenario]
        return figures["taskplane"][figure] / figures[peer][figure]

    return read


def _own(scenario: str, figure: str) -> Callable[[Medians], float]:
    return lambda medians: medians[scenario]["taskplane"][figure]


AIMS = (
    Aim("No-op drain beside Celery", "x", 20, _ratio("drain", "per_second", "bare")),
    Aim("No-op drain beside Celery + results", "x", 100, _ratio("drain", "per_second", "results")),
    Aim("Tasks that wait 10 ms", "/s", 6_000, _own("waits", "per_second")),
    Aim("Idle enqueue to start, p50", "ms", 5, _own("latency", "p50_ms"), at_least=False),
    Aim("Idle enqueue to start, p99", "ms", 20, _own("latency", "p99_ms"), at_least=False),
    Aim("Bulk submit", "/s", 20_000, _own("bulk", "per_second")),
    Aim("Single submit beside Celery's delay()", "x", 1, _ratio("single", "per_second", "bare")),
    Aim(
        "Idle worker beside Celery + results",
        "x",
        1,
        _ratio("memory", "mib", "results"),
        at_least=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An aim beside what was measured."""

    aim: Aim
    value: float
    is_met: bool


def judge(medians: Medians) -> list[Verdict]:
    """The aims that this run has measured."""
    verdicts = []
    for aim in AIMS:
        try:
            value = aim.value(medians)
        except KeyError:  # a scenario or a system that was left out
            continue
        verdicts.append(Verdict(aim, value, aim.is_met(value)))
    return verdicts
