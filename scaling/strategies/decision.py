"""What a strategy says, what it remembers, and how both are written down and replayed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from scaling.strategies.inputs import Demand, Settings


class Limiter(StrEnum):
    """What kept the number of workers from being what the rule wished."""

    NONE = "none"
    STABILISATION = "stabilisation"
    COOLDOWN = "cooldown"
    WAITING = "waiting"
    MIN = "min"
    MAX = "max"
    STALE = "stale"


class Rule(StrEnum):
    """What the number was decided by."""

    BACKLOG = "backlog"
    LOAD = "load"
    WAIT = "wait"
    FORECAST = "forecast"
    THRESHOLD = "threshold"
    FLOOR = "floor"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered from one decision to the next.

    wishes: (epoch second, wish) of the last window, without those that a later wish reached:
    the first is the highest. raised_at, lowered_at: when the number last changed.
    """

    wishes: tuple[tuple[float, int], ...] = ()
    raised_at: float | None = None
    lowered_at: float | None = None

    def remember(self, at: float, wish: int, seconds: float) -> tuple[tuple[float, int], ...]:
        """The wishes of the last `seconds`, with this one."""
        return (
            *((then, old) for then, old in self.wishes if old > wish and at - then < seconds),
            (at, wish),
        )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `asdict` after a round trip through JSON."""
        return cls(
            wishes=tuple((then, wish) for then, wish in value["wishes"]),
            raised_at=value["raised_at"],
            lowered_at=value["lowered_at"],
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A strategy's answer, before it is put beside its inputs.

    wish: what the rule asked for. wanted: what is to be, after damping and limits.
    table: number of workers → predicted wait in seconds, where the strategy predicts one.
    """

    wish: int
    wanted: int
    rule: Rule
    limiter: Limiter
    sentence: str
    memory: Memory
    table: tuple[tuple[int, float], ...] = ()
    blocked: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with all that it was computed from: enough to compute it again."""

    strategy: str
    demand: Demand
    settings: Settings
    before: Memory
    outcome: Outcome

    @property
    def wanted(self) -> int:
        """How many workers there should be."""
        return self.outcome.wanted

    @property
    def change(self) -> int:
        """Workers to start (above 0) or to drain (below 0)."""
        return self.outcome.wanted - self.demand.workers

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the record."""
        return {
            "strategy": self.strategy,
            "demand": self.demand.to_json(),
            "settings": self.settings.to_json(),
            "before": asdict(self.before),
            "outcome": asdict(self.outcome),
        }


def replay(record: Mapping[str, Any]) -> Decision:
    """Decide once more from what a recorded decision (`Decision.to_json`) was made from.

    Raises KeyError for a strategy that no longer exists.
    """
    from scaling.strategies.registry import decide

    return decide(
        record["strategy"],
        Demand.from_json(record["demand"]),
        Settings(**record["settings"]),
        Memory.from_json(record["before"]),
    )


def replays(record: Mapping[str, Any]) -> bool:
    """Whether a recorded decision, read back from where it was kept as JSON, comes out the same."""
    return bool(json.loads(json.dumps(replay(record).to_json())) == record)
