"""What a decision is made from: the measured demand, the forecast, and the settings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Self

from scaling.strategies.runtimes import RunTimes


@dataclass(frozen=True, slots=True)
class Forecast:
    """Arrivals per minute, from one model, with what speaks for and against believing it.

    start: the epoch second at which the first of the minutes begins.
    per_minute: tasks in each minute from there.
    errors: of each model, its error as a multiple of persistence's at the same minutes.
    trusted: whether it may raise the wish; an untrusted one is recorded and not used.
    """

    model: str
    start: float
    per_minute: tuple[float, ...]
    errors: tuple[tuple[str, float], ...] = ()
    trusted: bool = False

    def rate(self, at: float) -> float:
        """Tasks per second at an epoch second; 0 beyond what was foretold."""
        k = int((at - self.start) // 60)
        return self.per_minute[k] / 60 if 0 <= k < len(self.per_minute) else 0.0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `asdict` after a round trip through JSON."""
        return cls(
            model=value["model"],
            start=value["start"],
            per_minute=tuple(value["per_minute"]),
            errors=tuple((name, error) for name, error in value["errors"]),
            trusted=value["trusted"],
        )


@dataclass(frozen=True, slots=True)
class Expected:
    """Work that a schedule is known to bring: at an epoch second, so many tasks."""

    at: float
    tasks: float


@dataclass(frozen=True, slots=True)
class Demand:
    """What a pool of workers looks like at one moment.

    at, measured_at: epoch seconds; of the decision, and of its figures.
    waiting: ready tasks. oldest: seconds for which the first of them has waited.
    per_second: arrivals per second over the last two minutes.
    ages: for how many seconds each running task has run, without those on draining workers.
    ready, draining: workers. starting: in how many seconds each starting worker will be ready.
    startup: seconds from the wish for a worker until it is ready, 95th percentile.
    started, on_time: tasks that started in the last hour, and those among them that started
    within the objective.
    """

    at: float
    measured_at: float
    waiting: int
    oldest: float
    per_second: float
    run_times: RunTimes
    ages: tuple[float, ...]
    ready: int
    starting: tuple[float, ...] = ()
    draining: int = 0
    startup: float = 60.0
    started: int = 0
    on_time: int = 0
    forecast: Forecast | None = None
    expected: tuple[Expected, ...] = ()

    @property
    def workers(self) -> int:
        """How many there are or will be without a further wish."""
        return self.ready + len(self.starting)

    def to_json(self) -> dict[str, Any]:
        """As plain values; equal ages in a row are written once, with their number."""
        return {
            **asdict(self),
            "run_times": self.run_times.to_json(),
            "ages": [[age, len(list(same))] for age, same in groupby(self.ages)],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        forecast = value["forecast"]
        return cls(
            **{
                **value,
                "run_times": RunTimes.from_json(value["run_times"]),
                "ages": tuple(age for age, times in value["ages"] for _ in range(times)),
                "starting": tuple(value["starting"]),
                "forecast": None if forecast is None else Forecast.from_json(forecast),
                "expected": tuple(Expected(**each) for each in value["expected"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator decides. Times in seconds.

    scale_up_threshold, scale_down_threshold: waiting tasks at which the documented rule grows, and
    below which it shrinks. raise_cooldown, lower_cooldown: how long it then rests.
    objective: within this a task should start; goal: the share of tasks that must.
    slots: per worker. safety: the share of the objective that a predicted wait may use up.
    headroom: workers beside the mean load, in units of its square root.
    hold: for how long a higher wish forbids to shrink.
    window: for how long after the start-up of a worker the wait is looked at.
    stale_after: the age at which figures are no longer acted upon.
    assumed: the run time of a task as long as none has ended.
    use_forecast: whether a trusted forecast may raise the wish.
    """

    min_workers: int = 1
    max_workers: int = 10
    scale_up_threshold: int = 50
    scale_down_threshold: int = 10
    raise_cooldown: float = 60.0
    lower_cooldown: float = 120.0
    objective: float = 60.0
    goal: float = 0.95
    slots: int = 1
    safety: float = 0.5
    headroom: float = 0.3
    calm_share: float = 0.3
    calm_headroom: float = 0.7
    hold: float = 180.0
    short_hold: float = 60.0
    window: float = 60.0
    stale_after: float = 60.0
    assumed: float = 1.0
    use_forecast: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.min_workers <= self.max_workers:
            raise ValueError("min_workers must be between 0 and max_workers")
        if self.max_workers < 1 or self.slots < 1:
            raise ValueError("max_workers and slots must be at least 1")
        if min(self.objective, self.safety, self.window) <= 0:
            raise ValueError("objective, safety and window must be above 0")
        if self.scale_down_threshold > self.scale_up_threshold:
            raise ValueError("scale_down_threshold must not be above scale_up_threshold")

    def clamp(self, workers: int) -> int:
        """The nearest number of workers that is allowed."""
        return min(self.max_workers, max(self.min_workers, workers))

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)
