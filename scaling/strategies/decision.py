"""The decision and the memory of a strategy, and their records."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from scaling.strategies.inputs import Demand, Settings


class Constraint(StrEnum):
    """Why the number of workers differs from the recommended one."""

    NONE = "none"
    STABILISATION = "stabilisation"
    COOLDOWN = "cooldown"
    WAITING = "waiting"
    MIN = "min"
    MAX = "max"
    STALE = "stale"


class Rule(StrEnum):
    """The rule that decided the number."""

    BACKLOG = "backlog"
    LOAD = "load"
    WAIT = "wait"
    FORECAST = "forecast"
    THRESHOLD = "threshold"
    MINIMUM = "minimum"
    NO_CHANGE = "no-change"


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory between two decisions. recommendations: (epoch second, workers) of the last
    window, without those that a later one reached or exceeded: the first is the highest. raised_at,
    lowered_at: when the number last changed.
    """

    recommendations: tuple[tuple[float, int], ...] = ()
    raised_at: float | None = None
    lowered_at: float | None = None

    def remember(self, at: float, workers: int, seconds: float) -> tuple[tuple[float, int], ...]:
        return (
            *(
                (then, number)
                for then, number in self.recommendations
                if number > workers and at - then < seconds
            ),
            (at, workers),
        )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `asdict` after a round trip through JSON."""
        return cls(
            recommendations=tuple((then, number) for then, number in value["recommendations"]),
            raised_at=value["raised_at"],
            lowered_at=value["lowered_at"],
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a strategy, without its inputs. recommended: number from the rule. desired:
    after stabilisation and limits. table: number of workers → predicted wait in seconds, where the
    strategy predicts one.
    """

    recommended: int
    desired: int
    rule: Rule
    constraint: Constraint
    sentence: str
    memory: Memory
    table: tuple[tuple[int, float], ...] = ()
    blocked: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with all its inputs, so that it can be computed again."""

    strategy: str
    demand: Demand
    settings: Settings
    before: Memory
    outcome: Outcome

    @property
    def desired(self) -> int:
        return self.outcome.desired

    @property
    def change(self) -> int:
        """Workers to start (above 0) or to drain (below 0)."""
        return self.outcome.desired - self.demand.workers

    def to_json(self) -> dict[str, Any]:
        return {
            "strategy": self.strategy,
            "demand": self.demand.to_json(),
            "settings": self.settings.to_json(),
            "before": asdict(self.before),
            "outcome": asdict(self.outcome),
        }
